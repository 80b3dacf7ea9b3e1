import type { DlopenNote } from "./notes.ts";
import type { ElfImage } from "./read.ts";
import { ElfError } from "./refusals.ts";
import { mentions, symbolsOf } from "./symbols.ts";

/** What pthread_cancel(3) and pthread_exit(3) of glibc open to unwind a thread's stack; they abort without it. */
export const unwinder: DlopenNote = {
  sonames: ["libgcc_s.so.1"],
  feature: "thread cancellation",
  priority: "recommended",
};

const threadEnds = ["pthread_cancel", "pthread_exit"];
const known = new WeakMap<ElfImage, boolean>();

/** Whether a file imports one of them. Only strongly: older libraries probe weakly for whether there are threads at all. */
export function endsThreads(image: ElfImage): boolean {
  const answer = known.get(image) ?? importsThreadEnd(image);
  known.set(image, answer);
  return answer;
}

function importsThreadEnd(image: ElfImage): boolean {
  try {
    if (!mentions(image, threadEnds)) return false;
    return symbolsOf(image).imports.some((each) => !each.weak && threadEnds.includes(each.name));
  } catch (error) {
    // The loader does not read this table of a library that nobody uses: broken or not, it is loaded.
    if (error instanceof ElfError) return false;
    throw error;
  }
}
