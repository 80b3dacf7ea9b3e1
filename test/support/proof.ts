import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { ProofReport } from "../../src/proof/prove.ts";
import type { Verification } from "../../src/proof/verify.ts";
import type { Ended } from "./cli.ts";
import { run } from "./run.ts";
import type { Workshop } from "./workshop.ts";

/** What a recipe for a test differs in from the shipped one. */
export interface RecipeParts {
  readonly name: string;
  readonly capabilities?: string;
  /** Lines of scratch.files besides the lease file. */
  readonly files?: readonly string[];
  readonly leaseOwner?: string;
  /** Where the service finds its configuration. */
  readonly configFile?: string;
  /** Debian's package that has the program. */
  readonly package?: string;
  /** Lines of checks in place of the usual three. */
  readonly checks?: readonly string[];
  readonly unproven?: readonly string[];
  readonly metadata?: "dpkg-status-d";
}

export const configuration = `{ /etc/dhcp/dhcpd.conf: "ping-check false;\\nsubnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; }\\n" }`;

export const usualChecks = [
  `- { name: it reads its configuration, files: ${configuration}, run: [/usr/sbin/dhcpd, -t, -cf, /etc/dhcp/dhcpd.conf] }`,
  `- { name: it serves, files: ${configuration}, lease: { family: 4, server: 192.0.2.1/24 } }`,
  `- { name: it stops, files: ${configuration}, stop: { within: 2s } }`,
] as const;

/** Builds an image of ISC dhcpd from a recipe of its own and returns its name in the workshop's store. */
export async function buildVariant(workshop: Workshop, parts: RecipeParts): Promise<string> {
  const file = path.join(workshop.store.directory, `${parts.name}.yaml`);
  const list = (lines: readonly string[]) => lines.map((line) => `\n  ${line}`).join("");
  await writeFile(
    file,
    `name: ${parts.name}
title: A DHCP server
license: MPL-2.0
arches: [x86_64, aarch64]
service:
  command: [/usr/sbin/dhcpd, -4, -f, -d, --no-pid, -cf, ${parts.configFile ?? "/etc/dhcp/dhcpd.conf"}, -lf, /var/lib/dhcpd/dhcpd.leases]
  user: 177:177
  capabilities: [${parts.capabilities ?? "NET_RAW, NET_BIND_SERVICE"}]
  ports: [67/udp]
  config: [/etc/dhcp/dhcpd.conf]
  state: [/var/lib/dhcpd]
  init: true
scratch:
  binaries: [dhcpd]
  packages: { debian: [${parts.package ?? "isc-dhcp-server"}] }
  metadata: ${parts.metadata ?? "none"}
  files:
    - { path: /var/lib/dhcpd/dhcpd.leases, content: "", owner: "${parts.leaseOwner ?? "177:177"}", mode: "0640" }
${(parts.files ?? []).map((line) => `    ${line}\n`).join("")}checks:${list(parts.checks ?? usualChecks)}
unproven:${parts.unproven === undefined ? " []" : list(parts.unproven)}
`,
  );
  const [image] = await workshop.build(["--recipe", file, "--arch", "x86_64", "--from", "debian"]);
  return image!.references[1]!;
}

/** The same image without one file, its record and everything else unchanged, as damage or a careless hand leaves it. */
export async function removeFrom(workshop: Workshop, image: string, file: string): Promise<string> {
  const { env } = workshop.store;
  const container = await run(["buildah", "from", image], { env });
  await run(["sh", "-c", 'rm "$(buildah mount "$0")$1"', container, file], { env });
  const name = `localhost/without-${path.basename(file).toLowerCase()}:latest`;
  await run(["buildah", "commit", "--quiet", "--rm", container, name], { env });
  return name;
}

export async function verify(workshop: Workshop, image: string, against?: string): Promise<Ended & Verification> {
  const ended = await workshop.run([
    "verify",
    "--json",
    ...(against === undefined ? [] : ["--against", against]),
    image,
  ]);
  if (!ended.stdout.startsWith("{")) throw new Error(`exit code ${ended.exitCode}\n${ended.stderr}`);
  return { ...ended, ...(JSON.parse(ended.stdout) as Verification) };
}

export async function prove(
  workshop: Workshop,
  image: string,
  ...flags: readonly string[]
): Promise<Ended & { readonly certificate: ProofReport }> {
  const ended = await workshop.run(["prove", "--json", ...flags, image]);
  if (!ended.stdout.startsWith("{")) throw new Error(`exit code ${ended.exitCode}\n${ended.stderr}`);
  return { ...ended, certificate: JSON.parse(ended.stdout) as ProofReport };
}
