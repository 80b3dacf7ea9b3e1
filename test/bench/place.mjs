import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { execute } from "./measure.mjs";

const directory = mkdtempSync(path.join(process.env.TMPDIR || "/var/tmp", "bench-"));
const cacheHome = path.join(directory, "cache");

/** Where files of the bench go. */
export const file = (name) => path.join(directory, name);

const storage = file("storage.conf");
writeFileSync(
  storage,
  `[storage]\ndriver = "overlay"\ngraphroot = "${directory}/graph"\nrunroot = "${directory}/run"\n`,
);

const containers = file("containers.conf");
writeFileSync(
  containers,
  `[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nlock_type = "file"\ntmp_dir = "${directory}/podman"\nvolume_path = "${directory}/volumes"\n`,
);

/** A containers store, cache and temporary directory of the bench's own: its figures depend on nobody's images. */
export const env = {
  CONTAINERS_STORAGE_CONF: storage,
  CONTAINERS_CONF: containers,
  XDG_CACHE_HOME: cacheHome,
  TMPDIR: file("tmp"),
};
mkdirSync(env.TMPDIR);

export const buildah = (...args) => execute(["buildah", ...args], { env });

/** Forgets what the tool has fetched: everything, or all but the package lists. */
export function forget(what) {
  const parts = what === "everything" ? [""] : ["sha256", "derived", "built"];
  for (const part of parts) rmSync(path.join(cacheHome, "dhcpd-build", part), { recursive: true, force: true });
}

/** An image to start a Containerfile from, as a distribution's own base image is: made from the host's package sources. */
export function makeBaseImage(name) {
  const suite = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const tar = file("base.tar");
  const sources = execute([
    "sh",
    "-c",
    "cat /etc/apt/sources.list.d/debian.sources 2>/dev/null || cat /etc/apt/sources.list",
  ]);
  execute(["mmdebstrap", "--quiet", "--variant=apt", suite, tar, "-"], {
    input: sources,
    stdio: ["pipe", "pipe", "pipe"],
  });
  addImage(name, tar);
  rmSync(tar);
}

function addImage(name, tar) {
  const container = buildah("from", "scratch");
  buildah("add", "--quiet", container, tar, "/");
  buildah("commit", "--quiet", "--rm", container, name);
}

/** Writes an image's files to a tar, owners and all. */
export function exportTree(image, tar) {
  const container = buildah("from", image);
  try {
    execute(["tar", "-C", buildah("mount", container), "--numeric-owner", "-cf", tar, "."]);
  } finally {
    buildah("rm", container);
  }
}

export function remove() {
  execute(["sh", "-c", 'grep -o " $0/[^ ]*" /proc/mounts | tac | xargs -r umount --lazy', directory]);
  rmSync(directory, { recursive: true, force: true });
}

export const machine = `${os.cpus().length} x ${os.cpus()[0]?.model.trim()}, Linux ${os.release()}, Node ${process.versions.node}, ${buildah("--version")}`;
