/** A system user of a package: its number where the package has a fixed one. */
export interface DeclaredUser {
  readonly name: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** The users of a sysusers.d(5) file. */
export function parseSysusers(text: string): readonly DeclaredUser[] {
  return text.split("\n").flatMap((line) => {
    const [type, name, id = "-"] = line.trim().split(/\s+/);
    if ((type !== "u" && type !== "u!") || name === undefined) return [];
    const [uid, gid = uid] = id.split(":");
    return [{ name, uid: numberOf(uid), gid: numberOf(gid) }];
  });
}

/** The directories that a tmpfiles.d(5) file makes. */
export function parseTmpfiles(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [type, path] = line.trim().split(/\s+/);
    return type !== undefined && /^[dDQqv][-+!=~^$]*$/.test(type) && path?.startsWith("/") && !/[%\s]/.test(path)
      ? [path.replace(/^\/var\/run\//, "/run/").replace(/(?<=.)\/+$/, "")]
      : [];
  });
}

/** The ports that a configuration names in the words that most of them use: `port 6379`, `listen 80`, `listen [::]:80`. */
export function portsIn(configuration: string): readonly number[] {
  const lines = [
    ...configuration.matchAll(/^\s*(?:port|listen|listen-port)\b\s*[:= ]\s*(?:\S*:)?(\d{1,5})(?=[\s;]|$)/gim),
  ];
  const ports = lines.map(([, port]) => Number(port)).filter((port) => port > 0 && port < 65536);
  return [...new Set(ports)];
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
