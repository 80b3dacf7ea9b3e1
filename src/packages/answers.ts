import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ContentCache } from "./cache.ts";

/** Answers a question to a package manager from memory, else by asking it. */
export type Remember = (question: readonly string[], ask: () => Promise<string>) => Promise<string>;

/**
 * Keeps a package manager's answers in the cache as long as its lists are the same: `lists` tells one state of them from all
 * others. No answer at all is not kept.
 */
export function rememberAnswers(lists: string, cache: ContentCache): Remember {
  return async (question, ask) => {
    const key = createHash("sha256")
      .update([lists, ...question].join("\n"))
      .digest("hex");
    const known = await cache.findDerived(key, "answer");
    if (known !== undefined) return readFile(known, "utf8");
    const answer = await ask();
    if (answer === "") return answer;
    await using scratch = await cache.scratchDirectory();
    const file = path.join(scratch.path, "answer");
    await writeFile(file, answer);
    await cache.adoptDerived(key, "answer", file);
    return answer;
  };
}
