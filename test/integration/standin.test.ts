import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Buildah } from "../../src/image/buildah.ts";
import { runInContainer } from "../../src/image/run-in-container.ts";
import type { Command } from "../../src/system/run.ts";
import { enableEmulation } from "../support/qemu.ts";
import { run } from "../support/run.ts";
import { loadBase, type StandIn, standIn, standInTools } from "../support/standin/standin.ts";
import { createStore, type Store } from "../support/store.ts";
import { requireTools } from "../support/tools.ts";

const programs = { dnf4: "dnf", dnf5: "dnf5" } as const;

/** Runs a command in the container `base`, as builds do: buildah alone loses output on a busy machine. */
function inContainer(command: Command, { env }: Store, exchange: string): Promise<string> {
  const buildah = new Buildah((words, options) => run(words, { ...options, env: { ...options?.env, ...env } }));
  const container = { name: "base", [Symbol.asyncDispose]: async () => {} };
  return runInContainer(container, command, { volumes: { "/mnt": exchange }, exchange: "/mnt" }, buildah);
}

describe.runIf(requireTools(...standInTools, "buildah", "dnf", "rpm2archive", "chroot"))(
  "the stand-in for Fedora",
  () => {
    let world: StandIn;
    let scratch: string;
    beforeAll(async () => {
      world = await standIn();
      scratch = await mkdtemp(path.join(tmpdir(), "standin-test-"));
    }, 600_000);
    afterAll(() => rm(scratch, { recursive: true, force: true }));

    describe.each(["dnf4", "dnf5"] as const)("as a base with %s", (manager) => {
      let store: Store;
      beforeAll(async () => {
        store = await createStore();
        await loadBase(world.base[manager], "localhost/standin:44", store.env);
        await run(["buildah", "from", "--name", "base", "localhost/standin:44"], { env: store.env });
      });
      afterAll(() => store[Symbol.asyncDispose]());
      const inBase = (...command: Command) => inContainer(command, store, scratch);
      const dnf = programs[manager];

      test("repoquery finds who provides a soname, the 64-bit one", async () => {
        const format = "%{name}.%{arch}\n";
        const found = await inBase(dnf, "-q", "repoquery", "--whatprovides", "libc.so.6()(64bit)", "--qf", format);
        expect(found.split("\n").filter((line) => line !== "")).toEqual(["glibc.x86_64"]);
      });

      test("download brings a package of the other architecture", async () => {
        await inBase(dnf, "-q", "download", "--forcearch", "aarch64", "--destdir", "/srv/download", "openldap");
        expect(await inBase("ls", "/srv/download")).toBe("openldap-2.5.13-2.fc44.aarch64.rpm");
      });

      test("install checks signatures, leaves out documentation and weak dependencies, and dhcpd runs", async () => {
        const options = ["--setopt=install_weak_deps=False", "--setopt=tsflags=nodocs"] as const;
        await inBase(dnf, "-y", ...options, "install", "dhcp-server");
        expect(await inBase("rpm", "-q", "--qf", "%{epoch}:%{version}-%{release}", "dhcp-server")).toBe(
          "12:4.4.3-27.P1.fc44",
        );
        expect(await inBase("sh", "-c", "rpm -q gpg-pubkey | wc -l")).toBe("1");
        expect(await inBase("sh", "-c", "rpm -q iputils || true")).toContain("not installed");
        expect(await inBase("sh", "-c", "ls /usr/share/doc 2>&1 || true")).toContain("No such file");
        await expect(inBase("/usr/sbin/dhcpd", "--version")).resolves.toBe("");
      });

      test("a package without its signature is not installed", async () => {
        const repository = path.join(scratch, `unsigned-${manager}`);
        await cp(world.repository.x86_64, repository, { recursive: true });
        await run(["rpmsign", "--delsign", path.join(repository, "libcap-2.66-2.fc44.x86_64.rpm")]);
        await run(["createrepo_c", "--quiet", "--no-database", repository]);
        const place = `${await run(["buildah", "mount", "base"], { env: store.env })}/srv/standin-repository/x86_64`;
        await rm(place, { recursive: true });
        await cp(repository, place, { recursive: true });
        await expect(inBase(dnf, "-y", "--refresh", "install", "libcap")).rejects.toThrow(/is not signed/);
      });
    });

    test.runIf(requireTools("update-binfmts", "qemu-aarch64-static"))(
      "as a base for aarch64 it runs under emulation",
      async () => {
        await enableEmulation("aarch64");
        await using store = await createStore();
        const { env } = store;
        await loadBase(world.base.dnf4Aarch64, "localhost/standin:44-aarch64", env);
        await run(
          ["buildah", "from", "--arch", "arm64", "--pull-never", "--name", "base", "localhost/standin:44-aarch64"],
          { env },
        );
        const inBase = (...command: Command) => inContainer(command, store, scratch);
        expect(await inBase("rpm", "-q", "glibc")).toBe("glibc-2.36-9.fc44.aarch64");
        // Installing takes half a minute under emulation, so only rpm is asked.
        expect(await inBase("rpm", "--eval", "%{_arch}")).toBe("aarch64");
      },
    );

    test("this machine's dnf asks and downloads with a configuration of its own", async () => {
      const settings = [`--setopt=reposdir=${world.reposDir}`, `--setopt=cachedir=${scratch}/cache`] as const;
      const dnf = ["dnf", "-q", `--installroot=${scratch}/root`, ...settings, `--releasever=${world.release}`] as const;
      const provided = await run([
        ...dnf,
        "-y",
        "repoquery",
        "--whatprovides",
        "libsasl2.so.2()(64bit)",
        "--qf",
        "%{name}",
      ]);
      expect(provided.split("\n")).toEqual(["application-with-sasl", "cyrus-sasl-lib"]);
      await run([...dnf, "--forcearch=aarch64", "download", `--destdir=${scratch}/rpms`, "dhcp-server"]);
      expect(await readdir(path.join(scratch, "rpms"))).toEqual(["dhcp-server-4.4.3-27.P1.fc44.aarch64.rpm"]);
    });

    test("files of its packages alone make a root in which dhcpd runs", async () => {
      const root = path.join(scratch, "scratch");
      await mkdir(root);
      const needed =
        /^(filesystem|glibc|dhcp-server|openldap|cyrus-sasl-lib|gnutls|p11-kit|libidn2|libunistring|libtasn1|nettle|gmp|libffi)-\d.*x86_64/;
      const rpms = (await readdir(world.repository.x86_64)).filter((name) => needed.test(name));
      expect(rpms).toHaveLength(13);
      for (const name of rpms) {
        const rpm = path.join(scratch, name);
        await cp(path.join(world.repository.x86_64, name), rpm);
        await run(["rpm2archive", "-n", rpm]);
        await run(["tar", "--extract", "--keep-directory-symlink", "--directory", root, "--file", `${rpm}.tar`]);
      }
      expect(await run(["chroot", root, "/usr/sbin/dhcpd", "--version"])).toBe("");
      const loader = await run(["chroot", root, "/lib64/ld-linux-x86-64.so.2", "--list", "/usr/sbin/dhcpd"]);
      expect(loader).toContain("libldap-2.5.so.0 => /lib64/libldap-2.5.so.0");
      expect(loader.split("\n").filter((line) => line.includes("/lib64/"))).toHaveLength(14);
    });

    test("has what is awkward about Fedora's packages", async () => {
      const query = async (name: string, format: string) =>
        (await run(["rpm", "-qp", "--nosignature", "--qf", format, path.join(world.repository.x86_64, name)])).split(
          "\n",
        );
      const owners = "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILECAPS}\n]";
      expect(await query("iputils-20221126-2.fc44.x86_64.rpm", owners)).toContain(
        "/usr/bin/arping 100755 root:root cap_net_raw=p",
      );
      expect(await query("chrony-4.3-2.fc44.x86_64.rpm", owners)).toContain(
        "/var/lib/chrony 40750 chrony:chrony (none)",
      );
      expect(await query("libutempter-1.2.1-2.fc44.x86_64.rpm", owners)).toContain(
        "/usr/libexec/utempter/utempter 102711 root:utmp (none)",
      );
      expect(await query("filesystem-3.18-50.fc44.x86_64.rpm", "[%{FILENAMES} %{FILELINKTOS}\n]")).toEqual(
        expect.arrayContaining(["/usr/sbin bin", "/lib64 usr/lib64"]),
      );
      const dhcpd = await query("dhcp-server-4.4.3-27.P1.fc44.x86_64.rpm", "[%{FILENAMES}\n]");
      expect(dhcpd).toContain("/usr/bin/dhcpd");
      expect(dhcpd.filter((name) => name.startsWith("/var/"))).toEqual([]);
      // What a service that is another user from the beginning may not enter.
      expect(await query("dhcp-server-4.4.3-27.P1.fc44.x86_64.rpm", owners)).toContain(
        "/etc/dhcp 40750 root:root (none)",
      );
      expect(await query("kea-2.2.0-6.fc44.x86_64.rpm", owners)).toEqual(
        expect.arrayContaining([
          "/etc/kea 40750 root:kea (none)",
          "/var/lib/kea/kea-leases4.csv 100640 kea:kea (none)",
        ]),
      );
      const provides = "[%{PROVIDENAME}\n]";
      expect(await query("glibc-2.36-9.fc44.i686.rpm", provides)).toContain("libc.so.6");
      expect(await query("libidn2-compat-2.2.0-2.fc44.x86_64.rpm", provides)).toContain("libidn2.so.0()(64bit)");
    });
  },
);
