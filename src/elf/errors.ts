import { Failure } from "../system/errors.ts";

/** A file that is not what its headers promise. The sentence names no path: whoever opened the file knows it. */
export class ElfError extends Failure {
  override readonly name = "ElfError";
}

/** Something that cannot be started or loaded at all was asked about; nothing was done. */
export class NotAProgram extends Failure {
  override readonly name = "NotAProgram";
  readonly because: string;

  constructor(binary: string, because: string) {
    super(`cannot resolve '${binary}': ${because}`, { kind: "usage" });
    this.because = because;
  }
}
