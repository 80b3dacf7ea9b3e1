import path from "node:path";
import { type Guess, guessService } from "./infer.ts";
import type { Survey } from "./inspect.ts";

/** A new recipe's text for what was found: right by the schema, with a TODO where a person must decide. */
export function draftRecipe(found: Survey): string {
  const service = guessService(found);
  const name = found.package.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const optional = (key: string, values: readonly string[], because?: string) =>
    values.length === 0 && because === undefined ? [] : [`  ${key}: ${list(values)}${remark(because)}`];
  const license =
    found.license === undefined
      ? "license: LicenseRef-unknown # TODO: the package's licence, in SPDX's words"
      : `license: ${scalar(found.license)}`;
  return `${[
    `name: ${scalar(name)}`,
    `title: ${scalar(service.title)}`,
    license,
    "arches: [x86_64, aarch64]",
    "",
    "service:",
    ...guessed("command", service.command),
    `  user: ${service.user.value}${remark(service.user.because)}`,
    ...optional("capabilities", service.capabilities),
    ...optional("ports", service.ports.value, service.ports.because),
    ...optional("config", service.config.value, service.config.because),
    ...optional("state", service.state),
    ...optional("runtime", service.runtime),
    "",
    "scratch:",
    `  binaries: [${scalar(service.program)}] # programs that it starts go here, too`,
    "  packages:",
    `    ${found.family}: [${scalar(found.daemon.package)}]`,
    "  # plugins: [] # libraries that it opens by itself; include: [] for its data files. The build hints at both.",
    "",
    "checks: # what must be true of the image: each file that no check needs is one that `dhcpd-build prove` will name",
    "  - name: it starts, and stops when told to",
    ...service.config.value.map((file) => `    # files: { ${scalar(file)}: "the configuration for this check" }`),
    "    stop: { within: 5s }",
  ].join("\n")}\n`;
}

function guessed(key: string, { value, because }: Guess<readonly string[]>): readonly string[] {
  return [...(because === undefined ? [] : [`  # ${because}`]), `  ${key}: ${list(value)}`];
}

function list(values: readonly string[]): string {
  return `[${values.map(scalar).join(", ")}]`;
}

function remark(because: string | undefined): string {
  return because === undefined ? "" : ` # ${because}`;
}

/** Plain where YAML takes it for the same text in a flow, in quotes otherwise. */
function scalar(text: string): string {
  return /^[A-Za-z/][\w/.@+-]*(?: [\w/.@+()-]+)*$/.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

/** How many decisions a draft leaves to a person. */
export function openDecisions(draft: string): number {
  return draft.match(/\bTODO:/g)?.length ?? 0;
}

/** The file that a package's recipe is written to. */
export function draftFile(directory: string, packageName: string): string {
  return path.join(directory, `${packageName}.yaml`);
}
