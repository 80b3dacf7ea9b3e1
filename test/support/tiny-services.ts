import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type AptRepository, createAptRepository } from "./apt-repository.ts";
import type { Workshop } from "./workshop.ts";

/** A service of a few lines that does what its arguments say, in their order. */
const source = `
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void obey(int signal) { _exit(0); }

static void work(long milliseconds) {
  while (clock() < milliseconds * (CLOCKS_PER_SEC / 1000)) ;
}

static void listen_to(int port) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
  if (bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&address, sizeof address) != 0) { perror("bind"); exit(9); }
}

int main(int argc, char **argv) {
  signal(SIGTERM, obey);
  for (int i = 1; i < argc; i++) {
    long number = i + 1 < argc ? atol(argv[i + 1]) : 0;
    if (strcmp(argv[i], "sleep") == 0) usleep(number * 1000);
    if (strcmp(argv[i], "work") == 0) work(number);
    if (strcmp(argv[i], "listen") == 0) listen_to(number);
    if (strcmp(argv[i], "ignore") == 0) signal(SIGTERM, SIG_IGN);
    if (strcmp(argv[i], "default") == 0) signal(SIGTERM, SIG_DFL);
    if (strcmp(argv[i], "leave") == 0 && fork() != 0) exit(0);
    if (strcmp(argv[i], "say") == 0) puts(argv[i + 1]), fflush(stdout);
    if (strcmp(argv[i], "exit") == 0) exit(number);
  }
  for (;;) pause();
}
`;

/** The program's path in an image. */
const tinyService = "/usr/sbin/tiny";

/** A package that has the program. */
export function tinyServicePackage(): AptRepository {
  const directory = mkdtempSync(path.join(tmpdir(), "tiny-service-"));
  mkdirSync(path.join(directory, "usr/sbin"), { recursive: true });
  const command = ["-static", "-O1", "-x", "c", "-", "-o", path.join(directory, tinyService)];
  execFileSync("gcc", command, { input: source });
  const repository = createAptRepository([{ name: "tiny", content: { directory } }]);
  rmSync(directory, { recursive: true, force: true });
  return repository;
}

export interface TinyServiceParts {
  readonly name: string;
  /** The program's arguments. */
  readonly does: string;
  readonly ports?: readonly string[];
  readonly init?: boolean;
  readonly checks?: readonly object[];
}

export const stopCheck = { name: "it starts, and stops when told to", stop: { within: "1s" } };

/** Builds the image of a service and returns its name. */
export async function buildTinyService(
  workshop: Workshop,
  repository: AptRepository,
  { name, does, ports = [], init = false, checks = [stopCheck] }: TinyServiceParts,
): Promise<string> {
  const recipe = path.join(workshop.store.directory, `${name}.yaml`);
  const text = JSON.stringify({
    ...{ name, title: name, license: "MIT", arches: ["x86_64"] },
    service: { command: [tinyService, ...does.split(" ")], user: "900:900", ports, init },
    scratch: { binaries: [tinyService], packages: { debian: ["tiny"] } },
    checks,
  });
  writeFileSync(recipe, text);
  const [image] = await workshop.build(["--recipe", recipe, "--from", "debian"], { env: repository.env });
  return image!.references[1]!;
}
