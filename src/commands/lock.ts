import { type Command, Option } from "commander";
import type { CommandContext } from "../system/context.ts";
import { usageFailure } from "../system/errors.ts";
import { families } from "../system/family.ts";
import {
  differenceTable,
  type Lock,
  type LockDifference,
  type LockedRelease,
  lockDifferences,
} from "../system/lock.ts";
import { maxListAge } from "./building.ts";
import { lockFileOption, type PlanOptions, readRequest, recipeOption, repeated } from "./options.ts";

interface LockFlags extends PlanOptions {
  readonly check?: true;
  readonly update?: readonly string[];
  readonly refresh?: true;
  readonly json?: true;
}

/** `lock`: writes down which packages the scratch images are made of, or compares that with what there is now. */
export function addLockCommand(program: Command, context: CommandContext): void {
  program
    .command("lock")
    .description("write the lock file: every package, version, sha256, per family, release and architecture")
    .addOption(recipeOption())
    .addOption(new Option("-a, --arch <arch>", "x86_64, aarch64 or all; repeatable (default: all)").argParser(repeated))
    .addOption(new Option("--from <family>", "whose packages (default: this host's)").choices(families))
    .addOption(new Option("--builder <image>", "run the package manager inside this image"))
    .addOption(lockFileOption())
    .addOption(new Option("--check", "change nothing; end with 1 and the difference where there is one"))
    .addOption(
      new Option("--update <package>", "take the newest of this package and keep the others; repeatable")
        .argParser(repeated)
        .conflicts("check"),
    )
    .option("--refresh", "fetch the package lists anew, however young they are")
    .option("--json", "the difference as one JSON document")
    .addHelpText("after", "\nOther families, releases and architectures that the lock file knows stay in it.")
    .action(async (flags: LockFlags) => {
      const { lock, changes, file } = await lockAgain(flags, context);
      const isSame = changes.every(({ differences }) => differences.length === 0);
      if (flags.check === undefined) {
        const { writeLock } = await import("../recipe/lock.ts");
        await writeLock(file, lock);
        if (!isSame) context.log.info(changesText(changes));
        context.print(flags.json ? JSON.stringify({ file, changes }, undefined, 2) : file);
        return;
      }
      if (flags.json) context.print(JSON.stringify({ file, changes }, undefined, 2));
      else if (isSame) context.log.info(`${file} is what there is now`);
      else context.print(changesText(changes));
      if (!isSame) context.setExitCode(1);
    });
}

interface Change extends Omit<LockedRelease, "packages"> {
  readonly differences: readonly LockDifference[];
}

async function lockAgain(flags: LockFlags, context: CommandContext) {
  const [{ readLock }, { planImages }, { lockPackages }] = await Promise.all([
    import("../recipe/lock.ts"),
    import("../plan.ts"),
    import("../build.ts"),
  ]);
  const { recipe, request, lockFile } = await readRequest("scratch", { ...flags, arch: flags.arch ?? ["all"] });
  const before = await readLock(lockFile);
  if (before === undefined && (flags.check || flags.update)) {
    throw usageFailure(`cannot read the lock file ${lockFile}: there is no such file`, "dhcpd-build lock writes it");
  }
  if (before !== undefined && before.recipe !== recipe.name) {
    throw usageFailure(
      `cannot lock ${recipe.name} in ${lockFile}: that is the lock of ${before.recipe}`,
      "--lock-file names another file",
    );
  }
  const kept = flags.update === undefined ? undefined : without(before, flags.update);
  const plan = planImages(recipe, { ...request, ...(kept === undefined ? {} : { lock: kept }) });
  const releases = await lockPackages(plan, { maxListAge: flags.refresh ? 0 : maxListAge }, context);
  const others = (before?.releases ?? []).filter((old) => !releases.some((each) => isSamePlace(each, old)));
  const lock: Lock = { recipe: recipe.name, releases: [...others, ...releases] };
  const changes = releases.map(({ packages, ...place }): Change => {
    const old = before?.releases.find((each) => isSamePlace(each, place));
    return { ...place, differences: lockDifferences(old?.packages ?? [], packages) };
  });
  return { lock, changes, file: lockFile };
}

function isSamePlace(one: Omit<LockedRelease, "packages">, other: Omit<LockedRelease, "packages">): boolean {
  return one.family === other.family && one.release === other.release && one.arch === other.arch;
}

/** The lock with these packages free to change. */
function without(lock: Lock | undefined, names: readonly string[]): Lock | undefined {
  if (lock === undefined) return undefined;
  const known = new Set(lock.releases.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw usageFailure(
      `cannot update ${unknown}: it is not in the lock`,
      `there is ${[...known].sort().join(", ")}; dhcpd-build lock takes the newest of all`,
    );
  }
  return {
    ...lock,
    releases: lock.releases.map((release) => ({
      ...release,
      packages: release.packages.filter(({ name }) => !names.includes(name)),
    })),
  };
}

function changesText(changes: readonly Change[]): string {
  return changes
    .filter(({ differences }) => differences.length > 0)
    .map(({ release, arch, differences }) => `${release}, ${arch}:\n${differenceTable(differences)}`)
    .join("\n\n");
}
