import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";
import * as z from "zod";
import { archNames } from "../system/arch.ts";
import { Failure, systemCause, systemErrorCode, usageFailure } from "../system/errors.ts";
import { families } from "../system/family.ts";
import { imageReference } from "../system/image-name.ts";
import { ownName } from "../system/workdir.ts";
import type { Lock } from "./lock.ts";

// Also what a command line of the package manager is made of: no spaces, no option.
const version = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9:.+~^_-]*$/);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const lockedPackage = z.strictObject({ name, version, sha256, size: z.int().nonnegative(), from: z.string() });

const lockedInstallation = z.strictObject({ name, version, arch: z.string().regex(/^[a-z0-9_]+$/), sha256 });

const lockFile = z.strictObject({
  lockVersion: z.literal(1),
  recipe: z.string(),
  releases: z.array(
    z.strictObject({
      family: z.enum(families),
      release: z.string(),
      arch: z.enum(archNames),
      packages: z.array(lockedPackage).min(1),
    }),
  ),
  bases: z
    .array(
      z.strictObject({
        base: z.string().regex(imageReference),
        digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
        arch: z.enum(archNames),
        packages: z.array(lockedInstallation),
      }),
    )
    .default([]),
});

/** Where a recipe's lock lies unless said otherwise: beside the recipe's file; here for a shipped recipe, which need not be writable. */
export function defaultLockFile({ file, isShipped }: { readonly file: string; readonly isShipped: boolean }): string {
  const name = `${path.basename(file).replace(/\.ya?ml$/i, "")}.lock`;
  return isShipped ? name : path.join(path.dirname(file), name);
}

/** The lock in a file; undefined where there is no such file. Throws a usage Failure for what is no lock. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const cannot = `cannot read the lock file ${file}`;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw usageFailure(`${cannot}: ${systemCause(error)}`);
  }
  const parsed = lockFile.safeParse(parsedYaml(text));
  if (parsed.success) {
    const { lockVersion: _, ...lock } = parsed.data;
    return lock;
  }
  const [issue] = parsed.error.issues;
  throw usageFailure(
    `${cannot}: ${issue === undefined ? "it is no lock" : `${issue.path.join(".") || "it"}: ${issue.message}`}`,
    "`dhcpd-build lock` writes it anew; remove the file first",
  );
}

function parsedYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    // As good as any other text that is no lock.
    return undefined;
  }
}

/** Writes a lock, whole or not at all; the same lock is the same text. Throws Failure. */
export async function writeLock(file: string, { recipe, releases, bases }: Lock): Promise<void> {
  const sorted = {
    releases: sortedBy(releases, ({ family, release, arch }) => [family, release, arch].join("\n")),
    ...(bases.length === 0 ? {} : { bases: sortedBy(bases, ({ base, arch }) => [base, arch].join("\n")) }),
  };
  const text = stringify({ lockVersion: 1, recipe, ...sorted }, { lineWidth: 0 });
  const fresh = path.join(path.dirname(file), `.${ownName()}`);
  try {
    await writeFile(fresh, `# Written by dhcpd-build lock. What the images of \`--locked\` are made of.\n${text}`);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new Failure(`cannot write the lock file ${file}: ${systemCause(error)}`, {
      hint: "--lock-file names another place",
      cause: error,
    });
  }
}

function sortedBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] {
  return items.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}
