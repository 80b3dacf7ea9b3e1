import { type Document, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode, type Scalar } from "yaml";

/** Where a value of a recipe stands in its text. Offsets are in UTF-16 units from the text's beginning. */
export interface Place {
  readonly offset: number;
  /** The value's node; undefined where the recipe does not have the value. */
  readonly node: Node | undefined;
}

type Path = readonly PropertyKey[];

/** Finds values by path, however large the recipe is: each map's keys are gone through once. */
export class Places {
  readonly #contents: Node | null;
  readonly #pairs = new WeakMap<Node, ReadonlyMap<string, Pair<ParsedNode, ParsedNode | null>>>();

  constructor(document: Document.Parsed) {
    this.#contents = document.contents;
  }

  /** The value's place; where it is missing, the place of what should have it. */
  valueAt(path: Path): Place {
    let offset = startOf(this.#contents) ?? 0;
    let node: Node | undefined = this.#contents ?? undefined;
    for (const step of path) {
      const pair: Pair<ParsedNode, ParsedNode | null> | undefined = this.#pairsOf(node).get(String(step));
      const next: Node | null | undefined = isSeq(node) ? (node.items[Number(step)] as Node | undefined) : pair?.value;
      if (pair === undefined && next === undefined) return { offset, node: undefined };
      // What is missing inside a map is told at the map's key, where a person looks, not at its first line.
      offset = (pair === undefined ? undefined : startOf(pair.key)) ?? startOf(next) ?? offset;
      node = next ?? undefined;
    }
    return { offset: isScalar(node) ? (scalarStart(node) ?? offset) : offset, node };
  }

  /** The place of a key that the map at `path` has. */
  keyAt(path: Path, key: string): Place {
    const { node, offset } = this.valueAt(path);
    const pair = this.#pairsOf(node).get(key);
    return { offset: startOf(pair?.key) ?? offset, node: pair?.value ?? undefined };
  }

  #pairsOf(node: Node | undefined): ReadonlyMap<string, Pair<ParsedNode, ParsedNode | null>> {
    if (!isMap<ParsedNode, ParsedNode | null>(node)) return new Map();
    const known = this.#pairs.get(node);
    if (known !== undefined) return known;
    const pairs = new Map(node.items.map((pair) => [keyText(pair.key), pair] as const));
    this.#pairs.set(node, pairs);
    return pairs;
  }
}

/** A key as it becomes a property's name. */
export function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** `service.command[0]`, `checks[1].files["/etc/x"]`; empty for the whole recipe. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(String(step))) return `[${JSON.stringify(String(step))}]`;
      return index === 0 ? String(step) : `.${String(step)}`;
    })
    .join("");
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

/** An empty value has the place behind its key's colon, which may be lines away: then its key is the place. */
function scalarStart(scalar: Scalar): number | undefined {
  return scalar.source === "" && scalar.type === "PLAIN" ? undefined : startOf(scalar);
}
