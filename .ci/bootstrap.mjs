// `node .ci/bootstrap.mjs build|test`: installs what this project needs on this machine and is missing, and makes dist/.
// It says on stderr each thing it does, and takes a blink when nothing is missing. Plain Node, because it runs before
// `npm ci`. Without root it changes nothing on the system: it prints the one command that would.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What must be there -> the package that brings it. A name is looked up among the programs, a path is a file, `a|b` is either.
 * `build` is what building needs, `test` what the tests need besides.
 */
const needs = {
  apt: {
    build: {
      buildah: "buildah",
      newuidmap: "uidmap",
      "fuse-overlayfs": "fuse-overlayfs",
      "dpkg-deb": "dpkg",
      "/usr/lib/podman/netavark": "netavark",
      "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    },
    test: {
      podman: "podman",
      runc: "runc",
      catatonit: "catatonit",
      udhcpc: "udhcpc",
      dhclient: "isc-dhcp-client",
      ip: "iproute2",
      nsenter: "util-linux",
      useradd: "passwd",
      skopeo: "skopeo",
      "docker-registry": "docker-registry",
      dockerd: "docker.io",
      ctr: "containerd",
      "qemu-aarch64-static|qemu-aarch64": "qemu-user-static",
      "update-binfmts": "binfmt-support",
      gcc: "gcc",
      "/usr/include/stdio.h": "libc6-dev",
      readelf: "binutils",
      setcap: "libcap2-bin",
      setfattr: "attr",
      strace: "strace",
      lddtree: "pax-utils",
      "/usr/lib/python3/dist-packages/elftools": "python3-pyelftools",
      gpg: "gpg",
      "gpg-agent": "gpg-agent",
      mmdebstrap: "mmdebstrap",
      rpmbuild: "rpm",
      createrepo_c: "createrepo-c",
      dnf: "dnf",
      "/usr/lib/python3/dist-packages/dnf-plugins/download.py": "dnf-plugins-core",
      perfdhcp: "kea-admin",
      curl: "curl",
      faketime: "faketime",
      // The versions of Debian 12 and 13 lie beside PATH.
      "/usr/lib/postgresql/15/bin/initdb|/usr/lib/postgresql/17/bin/initdb|initdb": "postgresql",
      psql: "postgresql-client",
      mariadbd: "mariadb-server-core",
      mariadb: "mariadb-client-core",
    },
  },
  dnf: {
    build: {
      buildah: "buildah",
      newuidmap: "shadow-utils",
      "fuse-overlayfs": "fuse-overlayfs",
      rpm2archive: "rpm",
      "/usr/libexec/podman/netavark": "netavark",
    },
    test: {
      podman: "podman",
      runc: "runc",
      "catatonit|/usr/libexec/podman/catatonit|/usr/libexec/catatonit/catatonit": "catatonit",
      "udhcpc|busybox": "busybox",
      dhclient: "dhcp-client",
      ip: "iproute",
      nsenter: "util-linux",
      useradd: "shadow-utils",
      skopeo: "skopeo",
      "docker-registry|registry": "docker-distribution",
      dockerd: "moby-engine",
      ctr: "containerd",
      "qemu-aarch64-static": "qemu-user-static-aarch64",
      gcc: "gcc",
      "/usr/include/stdio.h": "glibc-devel",
      readelf: "binutils",
      setcap: "libcap",
      setfattr: "attr",
      strace: "strace",
      lddtree: "pax-utils",
      gpg: "gnupg2",
      "dpkg-deb": "dpkg",
      "apt-get": "apt",
      mmdebstrap: "mmdebstrap",
      rpmbuild: "rpm-build",
      createrepo_c: "createrepo_c",
      perfdhcp: "kea",
      curl: "curl",
      faketime: "libfaketime",
      psql: "postgresql",
      mariadbd: "mariadb-server",
      mariadb: "mariadb",
    },
  },
};

const managers = {
  apt: {
    program: "apt-get",
    refresh: ["apt-get", "update", "-q"],
    install: ["apt-get", "install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"],
    env: { DEBIAN_FRONTEND: "noninteractive" },
  },
  dnf: {
    program: "dnf",
    refresh: undefined,
    install: ["dnf", "install", "-q", "-y", "--setopt=install_weak_deps=False"],
    env: {},
  },
};

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(project);
const [purpose] = process.argv.slice(2);
if (purpose !== "build" && purpose !== "test") end("usage: node .ci/bootstrap.mjs build|test", 2);
if (process.platform !== "linux") end("cannot set up this machine: containers are built on Linux only");
requireNode();
installPackages();
if (!dependenciesAreInstalled()) {
  execute(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci: the packages of package-lock.json");
}
if (!bundleIsFresh()) execute([process.execPath, ".ci/bundle.mjs"], "bundling src/ into dist/");

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    end(`cannot use Node ${process.versions.node}: 20.19 or newer is needed`);
  }
}

function installPackages() {
  // A host with both has dnf as a guest: apt's hosts are the ones that install dnf to work on another family's packages.
  const kind = has("apt-get") && existsSync("/etc/debian_version") ? "apt" : has("dnf") ? "dnf" : undefined;
  if (kind === undefined) {
    const programs = missing({ ...needs.apt.build, ...(purpose === "test" ? needs.apt.test : {}) }).map(
      ([need]) => need,
    );
    const found = programs.filter((need) => !need.startsWith("/"));
    if (found.length > 0) end(`cannot install ${found.join(", ")}: this machine has neither apt-get nor dnf`);
    return;
  }
  const manager = managers[kind];
  const lacking = missing({ ...needs[kind].build, ...(purpose === "test" ? needs[kind].test : {}) });
  if (lacking.length === 0) return;
  const packages = [...new Set(lacking.map(([, name]) => name))].sort();
  const commands = [...(manager.refresh === undefined ? [] : [manager.refresh]), [...manager.install, ...packages]];
  const why = `missing: ${lacking.map(([need]) => need.split("|")[0]).join(", ")}`;
  if (process.getuid() !== 0) {
    const skipping = purpose === "test" ? "\nor `npx vitest run`, which skips the tests that need them" : "";
    end(
      `${why}\nrun this, then try again:\n  sudo sh -c '${commands.map((words) => words.join(" ")).join(" && ")}'${skipping}`,
    );
  }
  say(why);
  for (const command of commands) execute(command, command.join(" "), manager.env);
  const still = missing(Object.fromEntries(lacking)).map(([need, name]) => `${need} (package ${name})`);
  if (still.length > 0) end(`cannot find after the installation: ${still.join(", ")}`);
}

/** The needs that nothing on this machine answers, with their packages. */
function missing(table) {
  return Object.entries(table).filter(([need]) => {
    // Until 1.38 buildah makes no use of netavark; a working machine is not asked to install it.
    if (need.endsWith("/netavark") && has("buildah") && buildahMinor() < 39) return false;
    return !need.split("|").some((one) => (one.startsWith("/") ? existsSync(one) : has(one)));
  });
}

function buildahMinor() {
  const version = spawnSync("buildah", ["--version"], { encoding: "utf8" }).stdout ?? "";
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(version) ?? [];
  return major === "1" ? Number(minor) : Number.POSITIVE_INFINITY;
}

/** Whether a program is on PATH or in a directory that an ordinary user's PATH leaves out. */
function has(program) {
  const directories = [...(process.env.PATH ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return directories.some((directory) => {
    try {
      accessSync(path.join(directory || ".", program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Compares package-lock.json with the record that npm keeps in node_modules; a build for another platform may be absent. */
function dependenciesAreInstalled() {
  const installed = "node_modules/.package-lock.json";
  if (!existsSync(installed)) return false;
  const wanted = Object.entries(JSON.parse(readFileSync("package-lock.json", "utf8")).packages);
  const there = JSON.parse(readFileSync(installed, "utf8")).packages;
  return wanted.every(([place, { version, optional }]) => {
    if (place === "") return true;
    return there[place] === undefined ? optional === true : there[place].version === version;
  });
}

/** Whether nothing that goes into dist/ has changed since it was made. A removed file changes its directory. */
function bundleIsFresh() {
  if (!existsSync("dist/main.js")) return false;
  const made = statSync("dist/main.js").mtimeMs;
  const sources = readdirSync("src", { recursive: true }).map((name) => path.join("src", name));
  const inputs = ["src", ...sources, "package.json", "package-lock.json", ".ci/bundle.mjs"];
  return inputs.every((input) => statSync(input).mtimeMs <= made);
}

function execute([program, ...args], what, env = {}) {
  say(what);
  // stdout belongs to the program that is started after this one.
  const { status, signal, error } = spawnSync(program, args, {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...env },
  });
  if (status !== 0)
    end(`cannot finish '${[program, ...args].join(" ")}': ${error?.message ?? signal ?? `exit code ${status}`}`);
}

function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}

function end(text, code = 1) {
  say(text);
  process.exit(code);
}
