import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Outcome } from "../system/place.ts";
import type { ContentCache } from "./cache.ts";

/** The words of a question to a package manager. */
type Question = readonly string[];

/** Answers questions from memory, and those that it does not have by asking the package manager all of them at once. Answers in order. */
export type Remember = <Answer extends Outcome>(
  questions: readonly Question[],
  ask: (unknown: readonly Question[]) => Promise<readonly Answer[]>,
) => Promise<readonly (Answer | string)[]>;

/**
 * Keeps a package manager's answers in the cache as long as its lists are the same: `lists` tells one state of them from all
 * others. No answer at all is not kept, and no failure.
 */
export function rememberAnswers(lists: string, cache: ContentCache): Remember {
  const keyOf = (question: Question) =>
    createHash("sha256")
      .update([lists, ...question].join("\n"))
      .digest("hex");
  const find = async (question: Question) => {
    const known = await cache.findDerived(keyOf(question), "answer");
    return known === undefined ? undefined : readFile(known, "utf8");
  };
  const keep = async (question: Question, answer: Outcome | undefined) => {
    if (typeof answer !== "string" || answer === "") return;
    await using scratch = await cache.scratchDirectory();
    const file = path.join(scratch.path, "answer");
    await writeFile(file, answer);
    await cache.adoptDerived(keyOf(question), "answer", file);
  };
  return async (questions, ask) => {
    const known = await Promise.all(questions.map(find));
    const unknown = questions.filter((_, index) => known[index] === undefined);
    const answers = unknown.length === 0 ? [] : await ask(unknown);
    await Promise.all(unknown.map((question, index) => keep(question, answers[index])));
    const next = answers.values();
    return known.map((each) => each ?? next.next().value ?? "");
  };
}
