import { assemble, type StoredReferences } from "../image/assemble.ts";
import { Buildah } from "../image/buildah.ts";
import type { BuildRecord, EntryRecord } from "../report/record.ts";
import { recordText } from "../report/record-text.ts";
import { Failure } from "../system/errors.ts";
import { openSubject, type ProofTools } from "./recorded-image.ts";
import { createSandbox } from "./sandbox/runc.ts";

/**
 * Makes an image without these paths and what is below them, from a scratch image of the store, and tags it with the name and `-pruned`. Its
 * record is the image's without them. Throws Failure.
 */
export async function pruneImage(
  image: string,
  without: readonly string[],
  tools: ProofTools,
): Promise<StoredReferences> {
  const { podman, workdir, run } = tools;
  const { facts, record } = await openSubject(image, podman);
  const { plan } = record;
  if (plan.kind !== "scratch") throw new Failure(`cannot prune ${image}: its files belong to its base image`);
  await using mounted = await podman.mountImage(facts.id);
  await using view = await createSandbox(
    { model: mounted.path, service: plan.service, runtime: "", workdir, run },
    without,
  );
  const rootfs = workdir.file("pruned.tar");
  await run([
    ...(["tar", "--create", "--file", rootfs, "--directory", view.root] as const),
    ...["--format", "posix", "--sort", "name", "--numeric-owner", "--mtime", `@${record.created}`],
    // The kernel's own notes about an overlay are not the image's.
    ...["--xattrs", "--xattrs-include=security.capability", "--xattrs-include=user.*"],
    ".",
  ]);
  const pruned = withoutEntries(record, without);
  const buildah = new Buildah(run, workdir.path);
  await using container = await buildah.fromScratch();
  const content = { rootfs, version: record.version, created: record.created, recordText: recordText(pruned) };
  return await assemble({ ...plan, image: `${nameOf(image, plan.recipe)}-pruned` }, container, content, {
    buildah,
    workdir,
  });
}

/** The record of what is left; a directory is explained by something that it still holds. */
export function withoutEntries(record: BuildRecord, without: readonly string[]): BuildRecord {
  const isGone = (path: string) => without.some((each) => path === each || path.startsWith(`${each}/`));
  const entries = record.entries.filter(({ path }) => !isGone(path));
  const explained = (entry: EntryRecord): EntryRecord => {
    if (entry.reason.kind !== "parent" || !isGone(entry.reason.of)) return entry;
    const of = entries.find(({ path }) => path.startsWith(`${entry.path}/`))?.path;
    return of === undefined ? entry : { ...entry, reason: { kind: "parent", of } };
  };
  return { ...record, entries: entries.map(explained) };
}

/** An image's name without tag and digest; the recipe's for an image that was given by its id. */
export function nameOf(image: string, recipe: string): string {
  const name = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return image.startsWith("sha256:") || /^[0-9a-f]{12,64}$/.test(image) ? `localhost/${recipe}` : name;
}
