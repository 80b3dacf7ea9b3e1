/** Another package that asks for one, and what it asks for: a name, a soname such as `libldap.so.2()(64bit)`, or a file. */
export interface Requirer {
  readonly package: string;
  readonly requirement: string;
}

interface Relations {
  readonly name: string;
  readonly arch: string;
  readonly requires: readonly string[];
  /** Files, too: a requirement may be one. */
  readonly provides: ReadonlySet<string>;
}

/** For `rpm -q --qf`: a package after another, `>` before its name, `<` between what it requires and what it provides. */
export const relationsFormat = ">%{NAME}\\t%{ARCH}\\n[%{REQUIRENAME}\\n]<\\n[%{PROVIDENAME}\\n][%{FILENAMES}\\n]";

/** Which of the packages that a query with `relationsFormat` tells of ask for which, by NAME.ARCH of the one that is asked for. */
export function requirersIn(text: string): ReadonlyMap<string, readonly Requirer[]> {
  const all = parseRelations(text);
  return new Map(
    all.map(({ name, arch, provides }) => {
      const others = all.filter((other) => other.name !== name);
      const requirers = others.flatMap((other): readonly Requirer[] => {
        const requirement = other.requires.find((each) => provides.has(each));
        return requirement === undefined ? [] : [{ package: other.name, requirement }];
      });
      return [`${name}.${arch}`, requirers];
    }),
  );
}

function parseRelations(text: string): readonly Relations[] {
  const sections = text.split(/^>/m).slice(1);
  return sections.map((section) => {
    const [heading = "", ...lines] = section.split("\n");
    const [name = "", arch = ""] = heading.split("\t");
    const middle = lines.indexOf("<");
    return { name, arch, requires: lines.slice(0, middle), provides: new Set(lines.slice(middle + 1)) };
  });
}
