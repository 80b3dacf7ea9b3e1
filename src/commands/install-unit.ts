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
  keep: "already installed:",
  replace: "replaced the modified unit",
};

/** Installs the unit, prints its path and logs the next steps. With `dryRun` it changes nothing. Throws Failure. */
export async function installUnit(
  { service }: ImagePlan,
  unit: Unit,
  { user = undefined, dryRun, force = undefined }: InstallOptions,
  { log, print }: CommandContext,
): Promise<void> {
  const own = user ? { home: homedir(), config: process.env.XDG_CONFIG_HOME } : undefined;
  const installation = await planInstallation(unit, unitDirectory(own), force ?? false);
  if (!dryRun) await install(installation);
  log.info(`${dryRun ? "would be: " : ""}${done[installation.change]} ${installation.file}`);
  const needs = service.capabilities.length > 0 ? service.capabilities : service.ports;
  if (user && needs.length > 0) log.info(`a rootless container cannot use ${needs.join(", ")} on the host network`);
  for (const file of service.config.filter((path) => !existsSync(path)))
    log.info(`next: create ${file}, which the service needs to start`);
  const systemctl = `${user || process.getuid?.() === 0 ? "" : "sudo "}systemctl${user ? " --user" : ""}`;
  log.info(`next: ${systemctl} daemon-reload`);
  const instance = unit.name.replace(/\.container$/, "").replace(/@$/, "@eth0");
  log.info(`next: ${systemctl} ${installation.change === "install" ? "start" : "restart"} ${instance}`);
  print(installation.file);
}
