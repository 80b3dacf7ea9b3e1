import path from "node:path";
import type { Survey } from "./inspect.ts";
import { commandOf, settingOf, wordsOf } from "./unit.ts";

/** A value with what a person should know of where it comes from. */
export interface Guess<T> {
  readonly value: T;
  /** A remark beside it; one that begins with TODO wants a decision. */
  readonly because?: string;
}

/** What a recipe's service would be, as far as a package tells. */
export interface GuessedService {
  readonly title: string;
  readonly program: string;
  readonly command: Guess<readonly string[]>;
  readonly user: Guess<string>;
  readonly capabilities: readonly string[];
  readonly ports: Guess<readonly string[]>;
  readonly config: Guess<readonly string[]>;
  readonly state: readonly string[];
  readonly runtime: readonly string[];
}

/** A number that distributions give to nobody: theirs are assigned on each machine. */
const freeUser = "900:900";

export function guessService(found: Survey): GuessedService {
  const command = guessCommand(found);
  const program = command.value[0] ?? found.daemon.path;
  const ports = guessPorts(found);
  const privileged = ports.value.some((port) => Number.parseInt(port, 10) < 1024);
  const ambient = wordsOf(found.unit?.says ?? new Map(), "Service.AmbientCapabilities");
  const known = ambient.map((name) => name.replace(/^CAP_/, "")).filter((name) => /^[A-Z_]+$/.test(name));
  return {
    title: settingOf(found.unit?.says ?? new Map(), "Unit.Description")?.replaceAll(/[\\\s]+/g, " ") || found.package,
    program,
    command,
    user: guessUser(found),
    capabilities: [...new Set([...known, ...(privileged ? ["NET_BIND_SERVICE"] : [])])],
    ports,
    config: guessConfig(found, command.value, program),
    ...guessDirectories(found),
  };
}

function guessCommand({ unit, variables, daemon, isProgram }: Survey): Guess<readonly string[]> {
  const [line] = unit?.says.get("Service.ExecStart") ?? [];
  if (unit === undefined || line === undefined) {
    return {
      value: [daemon.path],
      because: "TODO: the package has no unit; give the arguments that keep it in the foreground",
    };
  }
  const { words, dropped } = commandOf(line, variables);
  const [program = "", ...args] = words;
  if (!isProgram(program) && program !== daemon.path) {
    const because = `TODO: ${unit.path} starts ${program || line}, which is a script; give the arguments that keep it in the foreground`;
    return { value: [daemon.path], because };
  }
  const forks = settingOf(unit.says, "Service.Type") === "forking";
  const notes = [
    ...(forks ? ["it forks into the background as its unit has it; a container needs it in the foreground"] : []),
    ...(dropped.length === 0 ? [] : [`without ${dropped.join(" ")}, which the package does not give a value`]),
  ];
  return { value: [program, ...args], because: notes.length === 0 ? `from ${unit.path}` : `TODO: ${notes.join("; ")}` };
}

function guessUser({ unit, users }: Survey): Guess<string> {
  const name = unit === undefined ? undefined : settingOf(unit.says, "Service.User");
  const declared = users.find((user) => user.name === name) ?? (name === undefined ? users[0] : undefined);
  if (declared?.uid !== undefined) {
    return {
      value: `${declared.uid}:${declared.gid ?? declared.uid}`,
      because: `${declared.name}, the package's number`,
    };
  }
  const who = name ?? declared?.name;
  if (who !== undefined && who !== "root")
    return { value: freeUser, because: `${who} has no fixed number; any that nobody else has will do` };
  const so = unit === undefined ? "without a unit" : "its unit starts it as root";
  return { value: freeUser, because: `TODO: ${so}; configure it to do without privileges, or write 0:0` };
}

function guessPorts({ ports }: Survey): Guess<readonly string[]> {
  for (const [file, numbers] of ports)
    if (numbers.length > 0) return { value: numbers.map((number) => `${number}/tcp`), because: `from ${file}` };
  return { value: [], because: "TODO: what it listens to, such as 53/udp" };
}

function guessConfig(found: Survey, command: readonly string[], program: string): Guess<readonly string[]> {
  const { configuration, package: name } = found;
  const asked = command.slice(1).filter((word) => word.startsWith("/etc/"));
  if (asked.length > 0) return { value: asked };
  const names = [...new Set([path.posix.basename(program), name, name.replace(/-server$/, "")])];
  const usual = names.flatMap((each) => [`/etc/${each}/${each}.conf`, `/etc/${each}.conf`]);
  const value = configuration.find((file) => usual.includes(file));
  if (value !== undefined) return { value: [value] };
  return configuration.length === 0
    ? { value: [] }
    : { value: [], because: `TODO: the package has ${configuration.slice(0, 4).join(", ")}` };
}

function guessDirectories({ unit, made, state }: Survey): Pick<GuessedService, "state" | "runtime"> {
  const named = (key: string, base: string) =>
    unit === undefined ? [] : wordsOf(unit.says, `Service.${key}`).map((name) => `${base}/${name.split(":")[0]}`);
  const pidFile = unit === undefined ? undefined : settingOf(unit.says, "Service.PIDFile");
  const pidDirectory = pidFile === undefined ? [] : [path.posix.dirname(pidFile.replace(/^\/var\/run\//, "/run/"))];
  const writable =
    unit === undefined ? [] : wordsOf(unit.says, "Service.ReadWritePaths").map((word) => word.replace(/^[-+]+/, ""));
  const permanent = [
    ...named("StateDirectory", "/var/lib"),
    ...named("CacheDirectory", "/var/cache"),
    ...named("LogsDirectory", "/var/log"),
    ...[...writable, ...made, ...state].filter((place) => /^\/var\/(?:lib|cache|spool|log)\/./.test(place)),
  ];
  const temporary = [...named("RuntimeDirectory", "/run"), ...pidDirectory, ...made].filter((place) =>
    /^\/run\/(?!lock$)./.test(place),
  );
  return { state: outermost(permanent), runtime: outermost(temporary) };
}

/** Each once, and none that lies in another one. */
function outermost(places: readonly string[]): readonly string[] {
  const plain = [...new Set(places)].filter((place) => /^[\w/.@+-]+$/.test(place) && !/%|\/\.\.?(\/|$)/.test(place));
  return plain.filter((place) => !plain.some((other) => place.startsWith(`${other}/`)));
}
