import { Argument, type Command, Option } from "commander";
import { readLock, writeLock } from "../lock/file.ts";
import type { Lock } from "../lock/lock.ts";
import { changesText, entryChanges, mergeEntries, withoutPackages } from "../lock/merge.ts";
import { lockImages } from "../pipeline/build.ts";
import { planImages } from "../plan/plan.ts";
import type { PlanRequest } from "../plan/request.ts";
import type { CommandContext } from "../system/context.ts";
import { usageFailure } from "../system/errors.ts";
import { families } from "../system/family.ts";
import { maxListAge } from "./building.ts";
import { lockFileOption, noLock, type PlanOptions, readRequest, recipeOption, repeated } from "./options.ts";

interface LockFlags extends PlanOptions {
  readonly check?: true;
  readonly update?: readonly string[];
  readonly refresh?: true;
  readonly json?: true;
}

/** `lock [scratch|fedora]`: writes the packages of the images to the lock file, or compares the lock file with the current packages. */
export function addLockCommand(command: Command, context: CommandContext): void {
  command
    .addArgument(new Argument("[kind]", "kind of image").choices(["scratch", "fedora"]).default("scratch"))
    .addOption(recipeOption())
    .addOption(
      new Option(
        "-a, --arch <arch>",
        "x86_64, aarch64 or all (repeatable; default: all; for fedora: this machine's)",
      ).argParser(repeated),
    )
    .addOption(
      new Option("--from <family>", "with scratch: distribution whose packages to use (default: this host's)").choices(
        families,
      ),
    )
    .addOption(new Option("--builder <image>", "with scratch: run the package manager in this image"))
    .addOption(new Option("--base <image>", "with fedora: base image to use instead of the recipe's"))
    .addOption(lockFileOption())
    .addOption(new Option("--check", "report newer packages and exit with 3 if there are any; change nothing"))
    .addOption(
      new Option("--update <package>", "update only this package (repeatable)").argParser(repeated).conflicts("check"),
    )
    .option("--refresh", "update the package lists first")
    .option("--json", "print JSON")
    .addHelpText("after", "\nEntries for other distributions, releases, base images and architectures are kept.")
    .action(async (kind: PlanRequest["kind"], flags: LockFlags) => {
      const { lock, changes, file } = await lockAgain(kind, flags, context);
      const isSame = changes.every(({ differences }) => differences.length === 0);
      if (flags.check === undefined) {
        await writeLock(file, lock);
        if (!isSame) context.log.info(changesText(changes));
        if (flags.json) context.printJson({ file, changes });
        else context.print(file);
        return;
      }
      if (flags.json) context.printJson({ file, changes });
      else if (isSame) context.log.info(`${file} is up to date`);
      else context.print(changesText(changes));
      if (!isSame) context.setExitCode(3);
    });
}

async function lockAgain(kind: PlanRequest["kind"], flags: LockFlags, context: CommandContext) {
  // A scratch image can be resolved for every architecture anywhere. An OS-based image runs its own programs.
  const arch = flags.arch ?? (kind === "scratch" ? ["all"] : []);
  const { recipe, request, lockFile } = await readRequest(kind, { ...flags, arch });
  const before = await readLock(lockFile);
  if (before === undefined && (flags.check || flags.update)) throw noLock(lockFile, kind);
  if (before !== undefined && before.recipe !== recipe.name) {
    throw usageFailure(
      `cannot lock ${recipe.name} in ${lockFile}: it belongs to recipe ${before.recipe}`,
      "choose another file with --lock-file",
    );
  }
  const kept =
    flags.update === undefined || before === undefined ? undefined : withoutPackages(before, kind, flags.update);
  const plan = planImages(recipe, { ...request, ...(kept === undefined ? {} : { lock: kept }) });
  const found = await lockImages(plan, { maxListAge: flags.refresh ? 0 : maxListAge }, context);
  const known = before ?? { releases: [], bases: [] };
  const lock: Lock = { recipe: recipe.name, ...mergeEntries(known, found) };
  return { lock, changes: entryChanges(known, found), file: lockFile };
}
