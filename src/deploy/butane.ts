import { isIPv4, isIPv6 } from "node:net";
import path from "node:path";
import type { ImagePlan } from "../plan/plan.ts";
import { usageFailure } from "../system/errors.ts";
import type { Unit } from "./quadlet.ts";

/** The interface that is served and its own address, `192.0.2.1/24`. */
export interface StaticAddress {
  readonly interface: string;
  readonly address: string;
}

/**
 * A Fedora CoreOS configuration (Butane, variant fcos) that installs the unit, the service's configuration files and the static
 * address that a DHCP server needs. The configuration files lie beside it: translate it with `butane --files-dir .`.
 * Throws a usage Failure for what is no address.
 */
export function butane(plan: ImagePlan, unit: Unit, served: StaticAddress): string {
  const family = familyOf(served.address);
  const connection = `[connection]
id=${served.interface}
type=ethernet
interface-name=${served.interface}

[ipv4]
method=${family === 4 ? `manual\naddress1=${served.address}` : "disabled"}

[ipv6]
method=${family === 6 ? `manual\naddress1=${served.address}` : "link-local"}
`;
  const files = [
    inlineFile(`/etc/containers/systemd/${unit.name}`, "0644", unit.text),
    // NetworkManager ignores a connection that others may read.
    inlineFile(`/etc/NetworkManager/system-connections/${served.interface}.nmconnection`, "0600", connection),
    ...plan.service.config.map(
      (file) => `    - path: ${JSON.stringify(file)}
      mode: 0644
      contents:
        local: ${JSON.stringify(path.posix.basename(file))}
`,
    ),
  ];
  return `variant: fcos
version: 1.5.0
storage:
  files:
${files.join("")}`;
}

function inlineFile(place: string, mode: string, content: string): string {
  const indented = content
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? "" : `          ${line}`));
  return `    - path: ${JSON.stringify(place)}
      mode: ${mode}
      contents:
        inline: |
${indented.join("\n")}
`;
}

function familyOf(address: string): 4 | 6 {
  const [host = "", prefix = "", ...rest] = address.split("/");
  const family = isIPv4(host) ? 4 : isIPv6(host) && !host.includes("%") ? 6 : undefined;
  const longest = family === 4 ? 32 : 128;
  if (family !== undefined && rest.length === 0 && /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= longest)
    return family;
  throw usageFailure(`cannot use the address '${address}': it must be an address with its prefix`, "as 192.0.2.1/24");
}
