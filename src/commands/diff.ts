import type { Command } from "commander";
import { differenceOf, isSame } from "../report/difference.ts";
import { differenceText } from "../report/difference-text.ts";
import type { CommandContext } from "../system/context.ts";
import { readRecordedImage } from "./recorded-image.ts";

/** `diff IMAGE IMAGE`: what the second image changes for a user of the first. */
export function addDiffCommand(command: Command, context: CommandContext): void {
  command
    .argument("<before>", "an image built by dhcpd-build, in local storage")
    .argument("<after>", "the image that would replace it")
    .option("--json", "print JSON")
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
