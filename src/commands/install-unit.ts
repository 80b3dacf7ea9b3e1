import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { type Change, install, planInstallation, unitDirectory } from "../deploy/install.ts";
import type { Unit } from "../deploy/quadlet.ts";
import type { ImagePlan } from "../plan/plan.ts";
import type { CommandContext } from "../system/context.ts";

export interface InstallOptions {
  readonly user?: true;
  readonly dryRun?: true;
  readonly force?: true;
}

const done: Readonly<Record<Change, string>> = {
  install: "installed",
  update: "updated",
  keep: "it is there already:",
  replace: "replaced what was changed:",
};

/** Installs the unit, prints its place and says what is left to do, all of it or, with `dryRun`, none. Throws Failure. */
export async function installUnit(
  { recipe, service }: ImagePlan,
  unit: Unit,
  { user = undefined, dryRun, force = undefined }: InstallOptions,
  { log, print }: CommandContext,
): Promise<void> {
  const own = user ? { home: homedir(), config: process.env.XDG_CONFIG_HOME } : undefined;
  const installation = await planInstallation(unit, unitDirectory(own), force ?? false);
  if (!dryRun) await install(installation);
  log.info(`${dryRun ? "would be: " : ""}${done[installation.change]} ${installation.file}`);
  if (user && (service.capabilities.length > 0 || service.ports.length > 0))
    log.info(
      `an ordinary user's ${recipe} reaches no network of the host's that asks for ${service.capabilities.join(", ")}`,
    );
  for (const file of service.config.filter((place) => !existsSync(place)))
    log.info(`next: write the configuration, ${file}: without it the service does not start`);
  const systemctl = `${user || process.getuid?.() === 0 ? "" : "sudo "}systemctl${user ? " --user" : ""}`;
  log.info(`next: ${systemctl} daemon-reload`);
  const instance = unit.name.replace(/\.container$/, "").replace(/@$/, "@eth0");
  log.info(`next: ${systemctl} ${installation.change === "install" ? "start" : "restart"} ${instance}`);
  print(installation.file);
}
