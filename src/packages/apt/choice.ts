import type { Wanted } from "../source.ts";
import type { AptCatalog } from "./catalog.ts";
import { conventionalNames, essentialPackageOf, likelihoodOf, rankCandidates, type Stanza } from "./control.ts";

export interface Choice {
  readonly stanza: Stanza;
  /** The package has the name that convention gives the file; otherwise it is a guess. */
  readonly conventional: boolean;
}

export interface ChoiceContext {
  readonly catalog: Pick<AptCatalog, "find" | "dependenciesOf" | "essential">;
  /** The packages whose files ask; the named ones where the plan itself does. */
  readonly requesters: readonly Stanza[];
  /** Whether a package was looked into already. */
  isTaken(stanza: Stanza): boolean;
}

/** Where what a script begins with lies. */
const isProgram = (wanted: string) => /^(?:\/usr)?\/s?bin\/[^/]+$/.test(wanted);

/**
 * The best package not looked into yet: one that has the conventional name, however far down the dependencies; where there is no such
 * package, the likeliest. What begins a script may be of an essential package, on which nobody needs to say that they depend (Debian
 * Policy 3.5). Nothing is chosen on a guess for what is merely recommended. Empty where nothing is left.
 */
export async function choosePackage(
  { wanted, requiredBy, optional = false }: Wanted,
  { catalog, requesters, isTaken }: ChoiceContext,
): Promise<readonly Choice[]> {
  const conventional = await catalog.find(conventionalNames(wanted));
  const mustGuess = conventional.every((stanza) => stanza === undefined || isTaken(stanza));
  if (optional && mustGuess) return [];
  if (requiredBy.length > 0 && isProgram(wanted)) {
    const essential = (await catalog.essential()).find((stanza) => stanza.package === essentialPackageOf(wanted));
    if (essential !== undefined && !isTaken(essential)) return [{ stanza: essential, conventional: true }];
  }
  const [requester] = requesters;
  const seen = new Set(requesters);
  let alike: Stanza | undefined;
  let chance: Stanza | undefined;
  for (let level = requesters, depth = 0; level.length > 0; depth++) {
    const below = (await catalog.dependenciesOf(level)).filter((stanza) => !seen.has(stanza));
    for (const stanza of below) seen.add(stanza);
    const [best] = rankCandidates(
      wanted,
      requester,
      below.filter((stanza) => !isTaken(stanza)),
    );
    const likelihood = best === undefined ? "none" : likelihoodOf(wanted, requester, best);
    if (best !== undefined && likelihood === "conventional") return [{ stanza: best, conventional: true }];
    if (likelihood === "alike") alike ??= best;
    else if (depth === 0) chance = best;
    // A private library is in a package of its own source; a program that a script starts is rarely.
    const ownLibrary = depth === 0 && likelihood === "same source" && !wanted.startsWith("/");
    if (mustGuess && (alike !== undefined || ownLibrary)) break;
    level = below;
  }
  const guess = alike ?? chance;
  return guess === undefined || optional ? [] : [{ stanza: guess, conventional: false }];
}
