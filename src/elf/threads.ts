import type { DlopenNote } from "./notes.ts";
import type { ElfImage } from "./read.ts";
import { importsAny } from "./symbols.ts";

/**
 * The functions of glibc that open libgcc_s.so.1 by themselves (the callers of __libc_unwind_link_get, and of pthread_cancel_init before
 * 2.32). The first three abort without it, and a backtrace is empty.
 */
const callers: readonly { readonly feature: string; readonly functions: readonly string[] }[] = [
  { feature: "thread cancellation", functions: ["pthread_cancel", "pthread_exit", "thrd_exit"] },
  { feature: "backtraces", functions: ["backtrace", "__backtrace"] },
];

const all = callers.flatMap(({ functions }) => functions);

/** What glibc opens to unwind the stack, as if each file that imports such a function had a note that asks for it. */
export function unwinderNotes(image: ElfImage): readonly DlopenNote[] {
  if (!importsAny(image, all)) return [];
  return callers
    .filter(({ functions }) => importsAny(image, functions))
    .map(({ feature }) => ({ sonames: ["libgcc_s.so.1"], feature, priority: "recommended" }));
}
