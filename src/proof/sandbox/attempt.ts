import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Service } from "../../plan/plan.ts";
import { type Arch, arches } from "../../system/arch.ts";
import { Failure } from "../../system/errors.ts";
import type { Run } from "../../system/run.ts";
import { createPlainWorkdir, ownName } from "../../system/workdir.ts";
import { createNetwork } from "./network.ts";
import { createSandbox } from "./runc.ts";

const service: Service = {
  command: ["/program"],
  user: { uid: 0, gid: 0 },
  capabilities: [],
  ports: [],
  config: [],
  state: [],
  runtime: [],
  init: false,
  environment: {},
};

/**
 * Runs a program that ends at once in a sandbox with a network, as `prove` runs a service: with the same mounts, namespaces and control
 * groups. Returns why that is impossible here, in a sentence; undefined if it works. `runtime` is the program of an OCI runtime. An
 * ordinary user is root in a user namespace when this is called.
 */
export async function sandboxTrouble(runtime: string, arch: Arch, run: Run): Promise<string | undefined> {
  try {
    await using workdir = await createPlainWorkdir();
    const model = await workdir.directory("model");
    await writeFile(path.join(model, "program"), programThatEnds(arch), { mode: 0o755 });
    await using network = await createNetwork(workdir.file(ownName()), undefined, run);
    await using sandbox = await createSandbox({ model, service, runtime, workdir, run }, []);
    await using running = await sandbox.start({ files: {}, network: network.server });
    const { exitCode, output } = await running.ended;
    if (exitCode === 0) return undefined;
    const complaint = output.trimEnd().split("\n").at(-1) ?? "";
    return `${path.basename(runtime)} cannot start a container here${complaint === "" ? "" : `: ${complaint}`}`;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** exit(0) in machine code. */
const instructions: Readonly<Record<Arch, readonly number[]>> = {
  // xor edi, edi; mov eax, 60; syscall
  x86_64: [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05],
  // mov x0, 0; mov x8, 93; svc 0
  aarch64: [0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
};

/** A static ELF program (elf(5)) with one segment: an empty directory needs nothing else to be a container's root. */
function programThatEnds(arch: Arch): Buffer {
  const [headers, address] = [64 + 56, 0x400000];
  const code = Buffer.from(instructions[arch]);
  const elf = Buffer.alloc(headers);
  elf.write("\x7fELF\x02\x01\x01", "latin1");
  elf.writeUInt16LE(2, 16); // e_type: ET_EXEC
  elf.writeUInt16LE(arches[arch].elfMachine, 18);
  elf.writeUInt32LE(1, 20); // e_version
  elf.writeBigUInt64LE(BigInt(address + headers), 24); // e_entry
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(64, 52); // e_ehsize
  elf.writeUInt16LE(56, 54); // e_phentsize
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt32LE(1, 64); // p_type: PT_LOAD
  elf.writeUInt32LE(5, 68); // p_flags: readable, executable
  elf.writeBigUInt64LE(BigInt(address), 80); // p_vaddr
  elf.writeBigUInt64LE(BigInt(address), 88); // p_paddr
  elf.writeBigUInt64LE(BigInt(headers + code.length), 96); // p_filesz
  elf.writeBigUInt64LE(BigInt(headers + code.length), 104); // p_memsz
  elf.writeBigUInt64LE(0x10000n, 112); // p_align
  return Buffer.concat([elf, code]);
}
