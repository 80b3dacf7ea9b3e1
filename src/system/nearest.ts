/**
 * The known word that a mistyped one most likely stands for: the one that takes the fewest changes, else the only one that has it as a
 * part. undefined if none is near.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // A word of a million letters is no typing mistake, and the distance takes time by the product of the lengths.
  if (word.length > 64) return undefined;
  const near = known
    // So many letters have to be put in or taken out at least; of many words it leaves few to compare.
    .filter((candidate) => Math.abs(candidate.length - word.length) <= most(candidate, word))
    .map((candidate) => ({ candidate, distance: distanceOf(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= most(candidate, word))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate ?? theOnlyOne(known.filter((candidate) => hasPart(candidate, word)));
}

/** The beginning of a hint, `did you mean X? `; empty if none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `did you mean ${meant}? `;
}

/** How many changes a typing mistake takes at most. */
function most(candidate: string, word: string): number {
  return Math.max(1, Math.floor(Math.max(candidate.length, word.length) / 3));
}

/** Fewer letters are part of too much. */
const shortestPart = 3;

function hasPart(candidate: string, part: string): boolean {
  return part.length >= shortestPart && candidate.toLowerCase().includes(part.toLowerCase());
}

function theOnlyOne(words: readonly string[]): string | undefined {
  return words.length === 1 ? words[0] : undefined;
}

/** Letters to put in, take out, change or swap with their neighbour (optimal string alignment distance). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? Number.POSITIVE_INFINITY) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
