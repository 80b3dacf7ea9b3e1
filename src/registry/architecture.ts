import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { type Arch, arches, archNames } from "../system/arch.ts";
import { ArchiveError, listMembers } from "../system/archive.ts";
import { Failure } from "../system/errors.ts";
import type { Run } from "../system/run.ts";
import { type DirImage, uncompressedLayer } from "./dir-image.ts";

/**
 * Makes sure that an image is for an architecture: its configuration says so, and so does every ELF file in it that is for any
 * architecture of ours. Throws Failure.
 */
export async function requireArchitecture(name: string, arch: Arch, image: DirImage, run: Run): Promise<void> {
  const cannot = `cannot take ${name} for ${arch}`;
  const { architecture } = image.config;
  if (architecture !== arches[arch].oci) throw new Failure(`${cannot}: its configuration says ${architecture}`);
  let programs = 0;
  for (const layer of image.layers) {
    for (const { place, machine } of machinesIn(name, await uncompressedLayer(name, layer, run))) {
      if (machine === arch) programs++;
      else throw new Failure(`${cannot}: ${place} in it is for ${machine}`, { hint: "build it again with --force" });
    }
  }
  if (programs === 0) throw new Failure(`${cannot}: there is no program for it in it`);
}

/** The ELF files of a layer's tar that are for an architecture of ours. */
function* machinesIn(name: string, layer: string): Generator<{ readonly place: string; readonly machine: Arch }> {
  const file = openSync(layer, "r");
  try {
    const header = Buffer.alloc(elfHeaderBytes);
    for (const { kind, name, size, offset } of listMembers(file, statSync(layer).size)) {
      if (kind !== "file" || size < elfHeaderBytes) continue;
      readSync(file, header, 0, elfHeaderBytes, offset);
      const machine = machineOf(header);
      if (machine !== undefined) yield { place: path.posix.join("/", name), machine };
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new Failure(`cannot read a layer of the image ${name}: ${error.message}`, { cause: error });
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
