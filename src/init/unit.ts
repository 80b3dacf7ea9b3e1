/** What a systemd unit file says: by section and key the values in their order, an empty one taking back those before it. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** Reads systemd.syntax(7): comments, continued lines, sections. Keys are `Section.Key`. */
export function parseUnit(text: string): Unit {
  const values = new Map<string, readonly string[]>();
  let section = "";
  const lines = text.split("\n").filter((line) => !/^\s*[#;]/.test(line));
  for (const line of lines.join("\n").replaceAll("\\\n", " ").split("\n")) {
    const heading = /^\s*\[(.+)\]\s*$/.exec(line);
    if (heading !== null) section = heading[1] ?? "";
    const [, key, value = ""] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    const name = `${section}.${key}`;
    values.set(name, value === "" ? [] : [...(values.get(name) ?? []), value]);
  }
  return values;
}

/** The last value of a key, which is the one that counts where there can be one only. */
export function settingOf(unit: Unit, name: string): string | undefined {
  return unit.get(name)?.at(-1);
}

/** All words of a key that is a list. */
export function wordsOf(unit: Unit, name: string): readonly string[] {
  return (unit.get(name) ?? []).flatMap(splitWords);
}

/** The words of a command line or a list, without their quotes: systemd.syntax(7), "Quoting". */
export function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"'])+/g)].map(([word]) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'/g, (_, double, single) =>
      String(double ?? single).replaceAll(/\\(.)/g, "$1"),
    ),
  );
}

/** The words of an ExecStart= without the prefixes of systemd.service(5), and with variables replaced or dropped where they have no value. */
export function commandOf(
  line: string,
  variables: ReadonlyMap<string, string>,
): { readonly words: readonly string[]; readonly dropped: readonly string[] } {
  const dropped: string[] = [];
  const words = splitWords(line.replace(/^[@:+!|-]+/, "")).flatMap((word): readonly string[] => {
    const [, whole] = /^\$\{?(\w+)\}?$/.exec(word) ?? [];
    if (whole !== undefined) {
      const value = variables.get(whole);
      if (value === undefined) dropped.push(word);
      return splitWords(value ?? "");
    }
    if (/\$\w|\$\{|%[a-zA-Z]/.test(word)) {
      dropped.push(word);
      return [];
    }
    return [word.replaceAll("$$", "$").replaceAll("%%", "%")];
  });
  return { words, dropped };
}

/** Variables of a shell-like file as systemd reads one: systemd.exec(5), EnvironmentFile=. */
export function parseEnvironment(text: string): ReadonlyMap<string, string> {
  const assignments = [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/gm)];
  return new Map(assignments.map(([, name = "", value = ""]) => [name, splitWords(value).join(" ")]));
}
