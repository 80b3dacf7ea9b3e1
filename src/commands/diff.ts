import type { Command } from "commander";
import { differenceOf, isSame } from "../report/difference.ts";
import { differenceText } from "../report/difference-text.ts";
import type { CommandContext } from "../system/context.ts";
import { readRecordedImage } from "./recorded-image.ts";

/** `diff IMAGE IMAGE`: what changes for those who run the second image instead of the first. */
export function addDiffCommand(command: Command, context: CommandContext): void {
  command
    .argument("<before>", "an image that dhcpd-build built, in the local store")
    .argument("<after>", "the one that is to take its place")
    .option("--json", "one JSON document")
    .option("--exit-code", "exit with 3 if the images differ")
    .addHelpText("after", "\nWithout --exit-code, exits with 0 whether or not the images differ.")
    .action(async (before: string, after: string, flags: { json?: true; exitCode?: true }) => {
      const [first, second] = await Promise.all([
        readRecordedImage(before, context),
        readRecordedImage(after, context),
      ]);
      const difference = differenceOf(first, second);
      if (flags.json) context.printJson(difference);
      else context.print(differenceText(difference));
      if (flags.exitCode && !isSame(difference)) context.setExitCode(3);
    });
}
