import { type Document, isAlias, isMap, isNode, isSeq, LineCounter, parseDocument, type YAMLError } from "yaml";
import { usageFailure } from "../system/errors.ts";
import { visibleLines } from "../system/visible.ts";
import { lostNumber, type Mistake, mistake, mistakesOf } from "./mistakes.ts";
import { keyText, Places } from "./place.ts";
import { type Recipe, recipeSchema, schemaAt } from "./schema.ts";

/** More than anyone reads at once. */
const mostMistakes = 200;

/**
 * A recipe from its YAML text. Throws one usage Failure with every mistake as `file:line:col: path.in.recipe: sentence`, a line
 * each, in the order of the text.
 */
export function parseRecipe(text: string, file: string): Recipe {
  const lines = new LineCounter();
  const refuse = (mistakes: readonly Mistake[]): never => {
    const told = [...new Map(mistakes.map((one) => [`${one.offset} ${one.text}`, one])).values()]
      .sort((a, b) => a.offset - b.offset)
      .map(({ offset, text: sentence }) => {
        const { line, col } = lines.linePos(offset);
        return `${file}:${line}:${col}: ${sentence}`;
      });
    const rest = told.length > mostMistakes ? [`... and ${told.length - mostMistakes} more`] : [];
    const count = told.length === 1 ? "1 mistake" : `${told.length} mistakes`;
    throw usageFailure(
      visibleLines([`cannot use the recipe ${file}: ${count}`, ...told.slice(0, mostMistakes), ...rest]),
    );
  };
  const { document, value, mistakes, broken } = readYaml(text, lines, file);
  if (broken) return refuse(mistakes);
  if (document.contents === null || value === null)
    throw usageFailure(`cannot use the recipe ${file}: it is empty`, "there is `dhcpd-build schema`");
  const parsed = recipeSchema.safeParse(value);
  if (parsed.success && mistakes.length === 0) return inWrittenOrder(parsed.data, value);
  const places = new Places(document);
  const found = parsed.success ? [] : mistakesOf(parsed.error.issues, places, schemaAt);
  // A number that lost its letters is told once, not a second time as a number where text should be.
  const at = new Set(mistakes.map(({ offset }) => offset));
  return refuse([...mistakes, ...found.filter(({ offset }) => !at.has(offset))]);
}

interface Yaml {
  readonly document: Document.Parsed;
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Nothing more can be said before these mistakes are mended. */
  readonly broken: boolean;
}

function readYaml(text: string, lines: LineCounter, file: string): Yaml {
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      // Whatever a %YAML directive says: `no` is text and 22:22 is no number. Duplicates are looked for below, in less than square time.
      schema: "core",
      merge: false,
      uniqueKeys: false,
      stringKeys: true,
      keepSourceTokens: false,
    });
    const errors = [...document.errors, ...document.warnings];
    if (errors.some(({ code }) => code === "RESOURCE_EXHAUSTION")) throw new RangeError("nested too deeply");
    const syntax = errors.map(syntaxMistake);
    if (syntax.length > 0) return { document, value: undefined, mistakes: syntax, broken: true };
    const { mistakes, broken } = lookThrough(document);
    return { document, value: broken ? undefined : document.toJS({ maxAliasCount: 0 }), mistakes, broken };
  } catch (error) {
    // The parser and its visitor go down by recursion.
    if (!(error instanceof RangeError)) throw error;
    throw usageFailure(`cannot use the recipe ${file}: it is nested too deeply`);
  }
}

const syntaxSentences: Readonly<Partial<Record<YAMLError["code"], string>>> = {
  MULTIPLE_DOCS: "a second document begins here; a recipe is one",
  NON_STRING_KEY: "a key must be text; write it in quotes",
  TAB_AS_INDENT: "a tab indents nothing in YAML; use spaces",
  TAG_RESOLVE_FAILED: "a recipe has no tags",
};

function syntaxMistake({ code, message, pos }: YAMLError): Mistake {
  return mistake(pos[0], [], syntaxSentences[code] ?? `broken YAML: ${message}`);
}

/** What is well-formed YAML and wrong in any recipe: aliases, a key given twice, a number that YAML does not write back. */
function lookThrough(document: Document.Parsed): { readonly mistakes: readonly Mistake[]; readonly broken: boolean } {
  const mistakes: Mistake[] = [];
  let broken = false;
  const look = (node: unknown, path: readonly PropertyKey[]): void => {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    const lost = lostNumber(node, schemaAt(path));
    if (lost !== undefined) mistakes.push(mistake(offset, path, lost));
    if (isAlias(node)) {
      broken = true;
      mistakes.push(mistake(offset, path, `*${node.source} is an alias; write the value itself`));
    }
    if (isSeq(node)) node.items.forEach((item, index) => void look(item, [...path, index]));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const name = keyText(key);
      const keyOffset = isNode(key) ? (key.range?.[0] ?? offset) : offset;
      if (seen.has(name)) mistakes.push(mistake(keyOffset, [...path, name], "this key is in the map already"));
      seen.add(name);
      look(key, path);
      look(value, [...path, name]);
    }
  };
  look(document.contents, []);
  return { mistakes, broken };
}

/** The schema puts keys in its own order; of the families of packages the recipe's order counts. */
function inWrittenOrder(recipe: Recipe, written: unknown): Recipe {
  const { scratch } = recipe;
  if (scratch === undefined) return recipe;
  const families = Object.keys((written as Recipe).scratch?.packages ?? {});
  const packages = Object.entries(scratch.packages).sort(([a], [b]) => families.indexOf(a) - families.indexOf(b));
  return { ...recipe, scratch: { ...scratch, packages: Object.fromEntries(packages) } };
}
