import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AptRepository } from "../support/apt-repository.ts";
import { verify } from "../support/proof.ts";
import { buildTinyService, stopCheck, type TinyServiceParts, tinyServicePackage } from "../support/tiny-services.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const canServe =
  process.arch === "x64" &&
  requireTools("root", "buildah", "podman", "runc", "catatonit", "ip", "nsenter", "apt-get", "dpkg-deb", "gcc", "gpg");

/** A service, and what must be said of it whatever else the machine does; undefined is nothing. */
type Row = readonly [sentence: string, parts: Omit<TinyServiceParts, "name">, because: RegExp | undefined];

const ended = (code: number) =>
  new RegExp(`^the service ended with exit code ${code} before it (?:was told to|listened to)`);
const deaf = /^it had to be killed: it did not end on SIGTERM within 1000 ms/;

const rows: readonly Row[] = [
  ["ends at once", { does: "exit 0" }, ended(0)],
  ["fails at once", { does: "exit 1" }, ended(1)],
  ["fails after 200 ms", { does: "sleep 200 exit 1" }, ended(1)],
  ["fails after a second, below an init", { does: "sleep 1000 exit 1", init: true }, ended(1)],
  ["fails after two seconds", { does: "sleep 2000 exit 1" }, ended(1)],
  ["fails after much work", { does: "work 2500 exit 1" }, ended(1)],
  ["goes into the background", { does: "leave" }, ended(0)],
  ["listens, and fails a second later", { does: "listen 1067 sleep 1000 exit 1", ports: ["1067/udp"] }, ended(1)],
  ["hangs", { does: "sleep 1", ports: ["1067/udp"] }, /^the service runs but does not listen to 1067\/udp$/],
  [
    "listens to another port",
    { does: "listen 1068", ports: ["1067/udp"] },
    /^the service runs but does not listen to 1067/,
  ],
  ["ignores SIGTERM", { does: "ignore", init: true }, deaf],
  [
    "has no handler as process 1",
    { does: "default" },
    /it has no handler for it, so as process 1 it needs `init: true`$/,
  ],
  ["listens, and lives", { does: "listen 1067", ports: ["1067/udp"] }, undefined],
  ["listens after much work", { does: "work 1500 listen 1067", ports: ["1067/udp"], init: true }, undefined],
  ["lives without a port", { does: "sleep 1" }, undefined],
];

describe.runIf(canServe)("verify", () => {
  let workshop: Workshop;
  let repository: AptRepository;
  const images = new Map<string, string>();
  const spinners: ChildProcess[] = [];

  beforeAll(async () => {
    repository = tinyServicePackage();
    workshop = await createWorkshop();
    for (const [index, [sentence, parts]] of rows.entries()) {
      images.set(sentence, await buildTinyService(workshop, repository, { name: `tiny-${index}`, ...parts }));
    }
  });
  afterAll(async () => {
    for (const spinner of spinners) spinner.kill("SIGKILL");
    repository[Symbol.dispose]();
    await workshop[Symbol.asyncDispose]();
  });

  const answers = async () => {
    const asked = rows.map(async ([sentence, , because]) => {
      const { findings } = await verify(workshop, images.get(sentence)!);
      const found = findings.find(({ name }) => name === stopCheck.name)!.because;
      const isRight = because === undefined ? found === undefined : because.test(found ?? "");
      return isRight ? [] : [`a service that ${sentence}: ${found ?? "nothing wrong"}`];
    });
    return (await Promise.all(asked)).flat();
  };

  it("finds every dead service dead and every live one alive, all asked at the same time", async () => {
    expect(await answers()).toEqual([]);
  });

  it("does so, too, while all processors have other work to do", async () => {
    for (let each = 0; each < 2 * availableParallelism(); each++) {
      spinners.push(spawn(process.execPath, ["-e", "for (;;) ;"], { stdio: "ignore" }));
    }
    for (let round = 0; round < 2; round++) expect(await answers()).toEqual([]);
  });
});
