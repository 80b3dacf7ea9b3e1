import type { ImagePlan } from "../plan/plan.ts";
import { usageFailure } from "../system/errors.ts";
import { type ContainerKey, firstTemplate, knowsKey, type PodmanVersion } from "./podman.ts";

/** What a unit says besides what the plan says. */
export interface UnitRequest {
  readonly podman: PodmanVersion;
  /** What is run: a name with a tag, or with a digest. */
  readonly image: string;
  /** Network interfaces that are given to the program after its other arguments. */
  readonly interfaces: readonly string[];
  /** One unit for all interfaces, started as `name@interface`, instead of one for these. */
  readonly template: boolean;
  /** The program tells systemd when it is ready; without libsystemd in its closure it never would. */
  readonly notify: boolean;
  /** For an ordinary user's systemd, which knows neither the system's network-online.target nor its multi-user.target. */
  readonly user: boolean;
}

export interface Unit {
  /** The file's name, `dhcpd.container` for instance. */
  readonly name: string;
  readonly text: string;
}

type Entry = readonly [key: ContainerKey, value: string];

/**
 * The service as a Podman Quadlet unit (podman-systemd.unit(5)) that the target's podman understands, with no more privileges than
 * the recipe names. Throws a usage Failure for interfaces that cannot be and for a template where podman has none.
 */
export function quadletUnit(plan: ImagePlan, request: UnitRequest): Unit {
  const { service, recipe, title } = plan;
  refuseWrong(request);
  const instance = request.template ? "-%i" : "";
  const interfaces = request.template ? ["%i"] : request.interfaces;
  const entries: readonly Entry[] = [
    ["Image", literal(request.image)],
    ["ContainerName", `${recipe}${instance}`],
    ...(interfaces.length === 0
      ? []
      : ([["Exec", [...service.command.slice(1).map(word), ...interfaces].join(" ")]] as const)),
    ["Network", "host"],
    ["User", String(service.user.uid)],
    ["Group", String(service.user.gid)],
    ["DropCapability", "all"],
    ...service.capabilities.map((capability) => ["AddCapability", capability] as const),
    ["NoNewPrivileges", "true"],
    ["ReadOnly", "true"],
    ...service.config.map((path) => ["Volume", `${path}:${path}:ro,z`] as const),
    ...service.state.map((path) => ["Volume", `${recipe}${instance}${volumeSuffix(path)}:${path}`] as const),
    ...(service.init ? ([["RunInit", "true"]] as const) : []),
    ...(request.notify ? ([["Notify", "true"]] as const) : []),
    ...(service.health === undefined
      ? []
      : ([["HealthCmd", literal(JSON.stringify(service.health)).replaceAll("$", "$$$$")]] as const)),
    ...autoUpdate(request),
  ];
  const needsAddress = plan.checks.some(({ kind }) => kind === "lease");
  const text = `${needsAddress ? "# The interface that is served must have a static address.\n" : ""}${request.template ? templateNote(recipe) : ""}[Unit]
Description=${literal(title)}${request.template ? " on %i" : ""}
${request.user ? "" : "Wants=network-online.target\nAfter=network-online.target\n"}
[Container]
${entries.map((entry) => written(entry, request.podman)).join("\n")}

[Service]
Restart=on-failure
# Ended by SIGTERM or SIGKILL: that is how a container is stopped, not how it fails.
SuccessExitStatus=143 137

[Install]
WantedBy=${request.user ? "default" : "multi-user"}.target
`;
  return { name: `${recipe}${request.template ? "@" : ""}.container`, text };
}

function templateNote(recipe: string): string {
  return `# One server for each interface: systemctl start ${recipe}@eth0
# At every boot: ln -s ${recipe}@.container ${recipe}@eth0.container
`;
}

function refuseWrong({ interfaces, template, podman }: UnitRequest): void {
  for (const name of interfaces) {
    if (isInterfaceName(name)) continue;
    throw usageFailure(
      `cannot serve the interface '${name}': that is no interface's name`,
      "an interface's name has at most 15 characters, as eth0",
    );
  }
  if (!template) return;
  if (podman < firstTemplate)
    throw usageFailure(
      "cannot write a template unit: podman has them from 5.0 on",
      "name the interfaces with --interface",
    );
  if (interfaces.length > 0)
    throw usageFailure(
      "cannot write a template unit for named interfaces",
      "its instances name them: systemctl start NAME@eth0",
    );
}

/** dev_valid_name() of Linux, without what would be an option or a word's end. */
function isInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/.test(name) && name !== "." && name !== "..";
}

/** A key that the podman does not know is left out, and what it would have said is a comment. */
function written([key, value]: Entry, podman: PodmanVersion): string {
  return knowsKey(podman, key) ? `${key}=${value}` : `# Unknown to this podman: ${key}=${value}`;
}

/** A digest stays what it is; a tag in the local store is looked up there, any other one in its registry. */
function autoUpdate({ image, podman }: UnitRequest): readonly Entry[] {
  if (image.includes("@")) return [];
  const policy = image.startsWith("localhost/") ? "local" : "registry";
  return knowsKey(podman, "AutoUpdate") ? [["AutoUpdate", policy]] : [["Label", `io.containers.autoupdate=${policy}`]];
}

/** `-var-lib-dhcpd`: different for different paths, in the letters that a volume's name has. */
function volumeSuffix(path: string): string {
  const letters = path.replaceAll(/[^A-Za-z0-9/.]/g, (other) =>
    other === "-" ? "--" : [...Buffer.from(other)].map((byte) => `_${byte.toString(16)}`).join(""),
  );
  return letters.replaceAll("/", "-");
}

/** systemd.unit(5): `%` begins a specifier. */
function literal(value: string): string {
  return value.replaceAll("%", "%%");
}

/**
 * One word of a command line: systemd.service(5), "Command lines". Throws a usage Failure for the two words that Quadlet cannot hand
 * on: it drops an empty one and all after it, and takes the quotes from a semicolon, which then ends the command.
 */
function word(value: string): string {
  if (value === "" || value === ";") {
    throw usageFailure(`cannot write the word '${value}' of the service's command into a unit: Quadlet loses it`);
  }
  const escaped = literal(value).replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$-]+$/.test(escaped)) return escaped;
  const quoted = escaped
    .replaceAll(/["\\]/g, (letter) => `\\${letter}`)
    .replaceAll(/[\x01-\x1f\x7f]/g, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `"${quoted}"`;
}
