import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { systemCause, systemErrorCode, usageFailure } from "../system/errors.ts";

/** Far above any recipe, far below what would take time. In bytes. */
const maxBytes = 1024 * 1024;

/** The text of a recipe's file. Throws a usage Failure for what is no text file of a recipe's size; never waits for a pipe. */
export async function readRecipeFile(file: string): Promise<string> {
  const cannot = `cannot read the recipe ${file}`;
  const bytes = await readUpTo(file, cannot);
  if (bytes.length > maxBytes)
    throw usageFailure(`${cannot}: it is larger than 1 MiB`, "a recipe is a short YAML file");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageFailure(`${cannot}: it is not UTF-8 text`, "save it as UTF-8");
  }
}

async function readUpTo(file: string, cannot: string): Promise<Uint8Array> {
  let opened: FileHandle | undefined;
  try {
    // Without O_NONBLOCK the open of a pipe without writer waits for ever.
    opened = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stats = await opened.stat();
    if (stats.isDirectory()) throw usageFailure(`${cannot}: it is a directory`, "name the YAML file in it");
    if (!stats.isFile()) throw usageFailure(`${cannot}: it is not a regular file`, "write the recipe to a file first");
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await opened.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
    }
  } catch (error) {
    throw explained(error, cannot);
  } finally {
    await opened?.close();
  }
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
  ELOOP: "its symbolic links lead nowhere",
  ENAMETOOLONG: "its name is too long",
};

function explained(error: unknown, cannot: string): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  // Node's own complaint about a NUL in the name is no answer of the system, and means the same to a person.
  const cause =
    code === "ERR_INVALID_ARG_VALUE" ? "its name has a NUL character" : (causes[code] ?? systemCause(error));
  return usageFailure(`${cannot}: ${cause}`);
}
