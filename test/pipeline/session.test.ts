import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import type { WorkingContainer } from "../../src/image/buildah.ts";
import type { PackageLists } from "../../src/packages/open.ts";
import type { PackageSource } from "../../src/packages/source.ts";
import { openSession, Session } from "../../src/pipeline/session.ts";
import { createWorkdir } from "../../src/system/workdir.ts";

const tools = { run: async () => "", log: { info() {}, warn() {}, verbose() {} } };

/** A session of a buildah that does nothing, with the names of what was closed, in order. */
async function sessionOf(make: () => Promise<void>) {
  const closed: string[] = [];
  const workdir = await createWorkdir();
  const container = { name: "c", [Symbol.asyncDispose]: async () => void closed.push("container") };
  const buildah = {
    fromScratch: async () => {
      await make();
      return container as unknown as WorkingContainer;
    },
  };
  const source = { [Symbol.dispose]: () => void closed.push("packages") } as unknown as PackageSource;
  const lists: PackageLists = { fingerprint: "", open: async () => source };
  const session = new Session(workdir, buildah as never, tools as never);
  return { session, lists, closed, workdir };
}

const later = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

it("makes a work directory, which is gone with the session", async () => {
  let directory = "";
  {
    await using session = await openSession(tools as never);
    directory = session.workdir.path;
    expect(existsSync(directory)).toBe(true);
  }
  expect(existsSync(directory)).toBe(false);
});

it("closes what was opened, the last first, and the work directory at the end", async () => {
  const { session, lists, closed, workdir } = await sessionOf(later);
  await session.container();
  await session.openPackages(lists);
  await session[Symbol.asyncDispose]();
  expect(closed).toEqual(["packages", "container"]);
  expect(existsSync(workdir.path)).toBe(false);
});

it("makes one container, however often it is asked for", async () => {
  const { session } = await sessionOf(later);
  expect(await session.container()).toBe(await session.container());
  await session[Symbol.asyncDispose]();
});

it("removes a container that is still being made when a stage fails", async () => {
  const { session, closed } = await sessionOf(later);
  const stage = async () => {
    await using _ = session;
    session.container();
    throw new Error("a stage");
  };
  await expect(stage()).rejects.toThrow("a stage");
  expect(closed).toEqual(["container"]);
});

it("reports that no container could be made to those who await it, and closes the rest", async () => {
  const { session, lists, closed } = await sessionOf(async () => {
    await later();
    throw new Error("making");
  });
  const container = session.container();
  await session.openPackages(lists);
  await later();
  await expect(container).rejects.toThrow("making");
  await session[Symbol.asyncDispose]();
  expect(closed).toEqual(["packages"]);
});
