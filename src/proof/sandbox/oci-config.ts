import type { Service } from "../../plan/plan.ts";

/** What a bundle for an OCI runtime says beside the service. */
export interface BundleRequest {
  /** The host's directory that becomes the root, read-only. */
  readonly root: string;
  readonly command: readonly string[];
  /** Without `CAP_`. */
  readonly capabilities: readonly string[];
  /** Files and directories of the host, by where they are seen inside. */
  readonly mounts: readonly { readonly from: string; readonly to: string; readonly writable: boolean }[];
  /** The file of a network namespace; a new, empty one where not given. */
  readonly network?: string;
  /** An init on the host that runs as process 1. */
  readonly init?: string;
}

/** Where podman puts the init. */
export const initPlace = "/run/podman-init";

/** What podman hides of /proc and /sys (containers/common, pkg/config/default.go). */
const hidden = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi"];
const fixed = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/**
 * config.json of an OCI bundle (OCI runtime specification, config.md) with what podman grants a service whose unit drops all capabilities
 * but its own, allows no new privileges and has a read-only root: the same user, mounts and namespaces.
 */
export function ociConfig(service: Service, request: BundleRequest): object {
  const { uid, gid } = service.user;
  const capabilities = request.capabilities.map((name) => `CAP_${name}`);
  const environment = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/",
    TERM: "xterm",
    container: "podman",
    ...service.environment,
  };
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid, gid },
      args: request.init === undefined ? request.command : [initPlace, "--", ...request.command],
      env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      cwd: "/",
      // A process that is not root has only what is ambient when it starts a program (capabilities(7)).
      capabilities: Object.fromEntries(
        ["bounding", "effective", "inheritable", "permitted", "ambient"].map((set) => [set, capabilities]),
      ),
      noNewPrivileges: true,
    },
    root: { path: request.root, readonly: true },
    hostname: "sandbox",
    mounts: [...systemMounts, ...initMount(request.init), ...request.mounts.map(bind)],
    linux: {
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", ...(request.network === undefined ? {} : { path: request.network }) },
      ],
      maskedPaths: hidden,
      readonlyPaths: fixed,
    },
  };
}

const temporary = ["rw", "nosuid", "nodev", "tmpcopyup", "mode=1777"];

const systemMounts = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=64m"] },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
  },
  { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  { destination: "/run", type: "tmpfs", source: "tmpfs", options: [...temporary, "mode=755"] },
  { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: temporary },
  { destination: "/var/tmp", type: "tmpfs", source: "tmpfs", options: temporary },
] as const;

function initMount(init: string | undefined) {
  return init === undefined ? [] : [bind({ from: init, to: initPlace, writable: false })];
}

function bind({ from, to, writable }: BundleRequest["mounts"][number]) {
  const options = ["rbind", "rprivate", "nosuid", "nodev", writable ? "rw" : "ro"];
  return { destination: to, type: "bind", source: from, options };
}
