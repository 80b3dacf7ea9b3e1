import { expect, it } from "vitest";
import type { Service } from "../../../src/plan/plan.ts";
import { ociConfig } from "../../../src/proof/sandbox/oci-config.ts";
import { privileges } from "../../../src/proof/sandbox/podman.ts";

const service: Service = {
  command: ["/usr/sbin/served", "-f"],
  user: { uid: 177, gid: 178 },
  capabilities: ["NET_RAW"],
  ports: ["67/udp"],
  config: ["/etc/served.conf"],
  state: ["/var/lib/served"],
  runtime: [],
  init: true,
  environment: { TZ: "UTC" },
};

it("the sandbox grants what podman grants: the user, its capabilities alone, no new privileges, a read-only root", () => {
  expect(privileges(service).join(" ")).toBe(
    "--user 177:178 --cap-drop all --cap-add NET_RAW --security-opt no-new-privileges --read-only",
  );
  const request = { root: "/view", command: service.command, capabilities: service.capabilities, mounts: [] };
  const caps = ["CAP_NET_RAW"];
  expect(ociConfig(service, request)).toMatchObject({
    process: {
      user: { uid: 177, gid: 178 },
      args: ["/usr/sbin/served", "-f"],
      capabilities: { bounding: caps, effective: caps, inheritable: caps, permitted: caps, ambient: caps },
      noNewPrivileges: true,
    },
    root: { path: "/view", readonly: true },
  });
});

it("the init comes before the command, files are mounted read-only, and the network is the given one", () => {
  const config = ociConfig(service, {
    root: "/view",
    command: ["/served"],
    capabilities: [],
    mounts: [{ from: "/host/conf", to: "/etc/served.conf", writable: false }],
    network: "/host/net",
    init: "/usr/bin/catatonit",
  });
  expect(config).toMatchObject({
    process: { args: ["/run/podman-init", "--", "/served"], env: expect.arrayContaining(["TZ=UTC"]) },
    mounts: expect.arrayContaining([
      {
        destination: "/etc/served.conf",
        type: "bind",
        source: "/host/conf",
        options: ["rbind", "rprivate", "nosuid", "nodev", "ro"],
      },
    ]),
    linux: { namespaces: expect.arrayContaining([{ type: "network", path: "/host/net" }]) },
  });
});
