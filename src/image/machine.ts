import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { type Arch, arches, archNames } from "../system/arch.ts";
import { listMembers } from "../system/archive.ts";
import { Failure } from "../system/errors.ts";
import type { Buildah } from "./buildah.ts";

/**
 * Makes sure that an image is for an architecture: its configuration says so, and so does every ELF file in it that is for any
 * architecture of ours. `scratch` is a directory for its layers. Throws Failure.
 */
export async function requireArchitecture(
  image: { readonly name: string; readonly id: string; readonly arch: Arch },
  scratch: string,
  buildah: Buildah,
): Promise<void> {
  const { name, id, arch } = image;
  const cannot = `cannot take ${name} for ${arch}`;
  const architecture = await buildah.architectureOf(id);
  if (architecture !== arches[arch].oci) throw new Failure(`${cannot}: its configuration says ${architecture}`);
  await buildah.writeLayers(id, scratch);
  let programs = 0;
  for (const layer of readdirSync(scratch).filter((file) => /^[0-9a-f]{64}$/.test(file))) {
    for (const { place, machine } of machinesIn(path.join(scratch, layer))) {
      if (machine === arch) programs++;
      else throw new Failure(`${cannot}: ${place} in it is for ${machine}`, { hint: "build it again with --force" });
    }
  }
  if (programs === 0) throw new Failure(`${cannot}: there is no program for it in it`);
}

/** The ELF files of a layer that are for an architecture of ours; the configuration, which lies beside the layers, is no archive. */
function* machinesIn(layer: string): Generator<{ readonly place: string; readonly machine: Arch }> {
  const file = openSync(layer, "r");
  try {
    const first = Buffer.alloc(1);
    if (readSync(file, first, 0, 1, 0) === 1 && first.toString("latin1") === "{") return;
    const header = Buffer.alloc(elfHeaderBytes);
    for (const { kind, name, size, offset } of listMembers(file, statSync(layer).size)) {
      if (kind !== "file" || size < elfHeaderBytes) continue;
      readSync(file, header, 0, elfHeaderBytes, offset);
      const machine = machineOf(header);
      if (machine !== undefined) yield { place: path.posix.join("/", name), machine };
    }
  } finally {
    closeSync(file);
  }
}

/** e_ident and e_machine stand in the first 20 bytes (elf(5)). */
const elfHeaderBytes = 20;

/** The architecture of ours that an ELF header names; undefined for any other file. All of ours are little-endian. */
export function machineOf(header: Buffer): Arch | undefined {
  if (header.length < elfHeaderBytes || header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const machine = header.readUInt16LE(18);
  return archNames.find((name) => arches[name].elfMachine === machine);
}
