import type { Command } from "commander";
import type { CommandContext } from "../system/context.ts";
import { Failure } from "../system/errors.ts";
import { readRecordedImage } from "./recorded-image.ts";

/** `why IMAGE [PATH]`: why this file is in the image. */
export function addWhyCommand(program: Command, context: CommandContext): void {
  program
    .command("why")
    .description("say why a file is in an image: from the recipe's program by which rule, of which package")
    .argument("<image>", "an image that dhcpd-build built, in the local store")
    .argument(
      "[path]",
      "a file, link or directory of the image; links on the way are followed; without it: all, a line each",
    )
    .option("--json", "one JSON document")
    .action(async (image: string, path: string | undefined, flags: { json?: true }) => {
      const { record } = await readRecordedImage(image, context);
      const { explain, explanationText, overviewText, pathsLike } = await import("../report/why.ts");
      if (path === undefined) {
        context.print(flags.json ? JSON.stringify({ entries: record.entries }, undefined, 2) : overviewText(record));
        return;
      }
      const explanation = explain(record, path);
      if (explanation === undefined) {
        throw new Failure(`cannot explain ${path}: ${absence(record.plan.kind)} ${image}`, {
          hint: hintFor(pathsLike(record, path), image),
        });
      }
      context.print(flags.json ? JSON.stringify(explanation, undefined, 2) : explanationText(explanation, record));
    });
}

function absence(kind: "scratch" | "os"): string {
  return kind === "scratch" ? "it is not in" : "it was not added to the base and the packages of";
}

function hintFor(alike: readonly string[], image: string): string {
  return alike.length > 0 ? `there is ${alike.join(", ")}` : `dhcpd-build why ${image} lists all there is`;
}
