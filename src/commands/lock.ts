import { Argument, type Command, Option } from "commander";
import { readLock, writeLock } from "../lock/file.ts";
import {
  baseDifferences,
  differenceTable,
  type Lock,
  type LockDifference,
  type LockedBase,
  type LockedRelease,
  lockDifferences,
} from "../lock/lock.ts";
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

type Locked = LockedRelease | LockedBase;
type Place = Omit<LockedRelease, "packages"> | Omit<LockedBase, "packages">;
type Change = Place & { readonly differences: readonly LockDifference[] };

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
  const kept = flags.update === undefined || before === undefined ? undefined : without(before, kind, flags.update);
  const plan = planImages(recipe, { ...request, ...(kept === undefined ? {} : { lock: kept }) });
  const found = await lockImages(plan, { maxListAge: flags.refresh ? 0 : maxListAge }, context);
  const known = { releases: before?.releases ?? [], bases: before?.bases ?? [] };
  const lock: Lock = {
    recipe: recipe.name,
    releases: replaced(known.releases, found.releases),
    bases: replaced(known.bases, found.bases),
  };
  const changes: readonly Change[] = [
    ...found.releases.map((now) => {
      const { packages, ...place } = now;
      return { ...place, differences: lockDifferences(sameIn(known.releases, now)?.packages ?? [], packages) };
    }),
    ...found.bases.map((now) => {
      const { packages: _, ...place } = now;
      return { ...place, differences: baseDifferences(sameIn(known.bases, now), now) };
    }),
  ];
  return { lock, changes, file: lockFile };
}

/** What was known, with what was found in the place of what was known of the same. */
function replaced<Item extends Locked>(known: readonly Item[], found: readonly Item[]): readonly Item[] {
  return [...known.filter((each) => sameIn(found, each) === undefined), ...found];
}

/** The one of them that is of the same family, release and architecture, or of the same base and architecture. */
function sameIn<Item extends Locked>(items: readonly Item[], like: Item): Item | undefined {
  const keyOf = (item: Locked) =>
    JSON.stringify("base" in item ? [item.base, item.arch] : [item.family, item.release, item.arch]);
  return items.find((each) => keyOf(each) === keyOf(like));
}

/** The lock with these packages of one kind of image free to change. */
function without(lock: Lock, kind: PlanRequest["kind"], names: readonly string[]): Lock {
  const locked = kind === "scratch" ? lock.releases : lock.bases;
  const known = new Set(locked.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw usageFailure(
      `cannot update ${unknown}: it is not in the lock of ${kind} images`,
      `it contains ${[...known].sort().join(", ") || "nothing"}; dhcpd-build lock ${kind} updates all`,
    );
  }
  const others = <Item extends Locked>(items: readonly Item[]) =>
    items.map((item) => ({ ...item, packages: item.packages.filter(({ name }) => !names.includes(name)) }));
  return { ...lock, releases: others(lock.releases), bases: others(lock.bases) };
}

function changesText(changes: readonly Change[]): string {
  return changes
    .filter(({ differences }) => differences.length > 0)
    .map((change) => `${placeText(change)}:\n${differenceTable(change.differences)}`)
    .join("\n\n");
}

function placeText(change: Change): string {
  return `${"base" in change ? change.base : change.release}, ${change.arch}`;
}
