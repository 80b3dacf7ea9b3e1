import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findProgram, hostPackageManager } from "../../src/system/host.ts";

let first: string;
let second: string;

beforeEach(() => {
  first = mkdtempSync(path.join(tmpdir(), "host-test-"));
  second = path.join(first, "second");
  mkdirSync(second);
  vi.stubEnv("PATH", `${first}:${second}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(first, { recursive: true });
});

const put = (directory: string, name: string, mode: number) => {
  writeFileSync(path.join(directory, name), "#!/bin/sh\n");
  chmodSync(path.join(directory, name), mode);
};

describe("a program", () => {
  it("is found in the first directory of PATH that has it", () => {
    put(first, "tool", 0o755);
    put(second, "tool", 0o755);
    expect(findProgram("tool")).toBe(path.join(first, "tool"));
  });

  it("is one that may be executed, as the kernel sees it", () => {
    put(first, "tool", 0o644);
    put(second, "tool", 0o755);
    expect(findProgram("tool")).toBe(path.join(second, "tool"));
  });

  it("is not there where PATH names none", () => {
    expect(findProgram("tool")).toBeUndefined();
    vi.stubEnv("PATH", "");
    expect(findProgram("no-such-program-here")).toBeUndefined();
  });
});

describe("a host", () => {
  it("without a package manager has none", () => {
    expect(hostPackageManager()).toBeUndefined();
  });

  it("with dnf alone has dnf", () => {
    put(first, "dnf", 0o755);
    expect(hostPackageManager()).toBe("dnf");
  });
});
