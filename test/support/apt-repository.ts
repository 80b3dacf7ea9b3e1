import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A package made by hand; its file system is a directory's, or any bytes that pass for a tar. */
export interface HandMadePackage {
  readonly name: string;
  /** 1.0 where not given. */
  readonly version?: string;
  readonly arch?: "amd64" | "arm64" | "all";
  /** As the control file has it. */
  readonly depends?: string;
  /** Further fields of the control file. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly content: { readonly directory: string } | { readonly tar: Uint8Array };
}

/** A signed repository of hand-made packages beside the host's own sources. */
export interface AptRepository extends Disposable {
  /** Points apt at both. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the repository lies. */
  readonly directory: string;
  /** Signs its index again with a key that nobody knows, or with none. */
  sign(by: "its key" | "another key" | "nobody"): void;
}

export function createAptRepository(packages: readonly HandMadePackage[]): AptRepository {
  const directory = mkdtempSync(path.join(tmpdir(), "apt-repository-"));
  const pool = path.join(directory, "pool");
  const sources = path.join(directory, "sources.list.d");
  for (const each of [pool, sources, path.join(directory, "work")]) mkdirSync(each);
  const stanzas = packages.map((each) => addPackage(each, directory));
  const index = stanzas.join("\n");
  writeFileSync(path.join(directory, "Packages"), index);
  const release = [
    ...["Origin: hand-made", "Label: hand-made", "Suite: stable", "Codename: hand-made"],
    `Date: ${new Date().toUTCString().replace("GMT", "UTC")}`,
    ...["Architectures: amd64 arm64", "SHA256:", ` ${sha256(index)} ${Buffer.byteLength(index)} Packages`, ""],
  ].join("\n");
  writeFileSync(path.join(directory, "Release"), release);
  const keys = { known: makeKey("known"), unknown: makeKey("unknown") };
  const keyring = path.join(directory, "keyring.gpg");
  keys.known(["--export", "--output", keyring]);

  const host = "/etc/apt/sources.list.d";
  for (const name of readdirSync(host)) symlinkSync(path.join(host, name), path.join(sources, name));
  writeFileSync(
    path.join(sources, "hand-made.sources"),
    `Types: deb\nURIs: file:${directory}\nSuites: ./\nSigned-By: ${keyring}\n`,
  );
  const config = path.join(directory, "apt.conf");
  writeFileSync(config, `Dir::Etc::sourceparts "${sources}";\n`);

  const repository: AptRepository = {
    env: { APT_CONFIG: config },
    directory,
    sign(by) {
      const [plain, signed] = ["Release", "InRelease"].map((name) => path.join(directory, name)) as [string, string];
      rmSync(signed, { force: true });
      if (by === "nobody") return;
      keys[by === "its key" ? "known" : "unknown"](["--clear-sign", "--output", signed, plain]);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
  repository.sign("its key");
  return repository;
}

/** A key in a home of its own; the agent that gpg starts there is ended after each use. */
function makeKey(name: string): (args: readonly string[]) => void {
  // Short, because the agent's socket has a path of at most 108 bytes; the key is kept as text between its uses.
  const user = `${name} (hand-made packages) <${name}@example.invalid>`;
  const secret = inHome((gpg) => {
    gpg(["--quick-generate-key", user, "ed25519", "sign", "never"]);
    return gpg(["--export-secret-keys"]);
  });
  return (args) =>
    inHome((gpg) => {
      gpg(["--import"], secret);
      return gpg(args);
    });
}

type Gpg = (args: readonly string[], input?: Buffer) => Buffer;

function inHome(use: (gpg: Gpg) => Buffer): Buffer {
  const home = mkdtempSync(path.join(tmpdir(), "gpg-"));
  const env = { ...process.env, GNUPGHOME: home };
  try {
    return use((args, input) =>
      execFileSync("gpg", ["--batch", "--quiet", "--yes", "--passphrase", "", "--pinentry-mode", "loopback", ...args], {
        env,
        ...(input === undefined ? {} : { input }),
        stdio: ["pipe", "pipe", "pipe"],
      }),
    );
  } finally {
    execFileSync("gpgconf", ["--kill", "gpg-agent"], { env });
    rmSync(home, { recursive: true, force: true });
  }
}

/** Writes the .deb and returns its paragraph of the index. */
function addPackage(
  { name, version = "1.0", arch = "amd64", depends, fields = {}, content }: HandMadePackage,
  directory: string,
): string {
  const control = [
    ...[
      `Package: ${name}`,
      `Version: ${version}`,
      `Architecture: ${arch}`,
      "Maintainer: nobody <nobody@example.invalid>",
    ],
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    ...Object.entries(fields).map(([field, value]) => `${field}: ${value}`),
    "Section: misc",
    "Description: made by hand",
  ].join("\n");
  const controlDirectory = path.join(directory, "work", `${name}-${arch}`);
  mkdirSync(controlDirectory);
  writeFileSync(path.join(controlDirectory, "control"), `${control}\n`);
  const deb = archive({
    "debian-binary": Buffer.from("2.0\n"),
    "control.tar": tarOf(controlDirectory),
    "data.tar": "tar" in content ? content.tar : tarOf(content.directory),
  });
  const file = `pool/${name}_${version}_${arch}.deb`;
  writeFileSync(path.join(directory, file), deb);
  const size = statSync(path.join(directory, file)).size;
  return `${control}\nFilename: ${file}\nSize: ${size}\nSHA256: ${sha256(deb)}\n`;
}

function tarOf(directory: string): Buffer {
  const metadata = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@1700000000", "--xattrs"];
  return execFileSync("tar", [...metadata, "-C", directory, "-cf", "-", "."], { maxBuffer: 1 << 28 });
}

/** ar(5), as deb(5) wants it. */
function archive(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, bytes]) => {
    const fields = [name.padEnd(16), "0".padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
    const header = Buffer.from(`${fields.join("")}${String(bytes.length).padEnd(10)}\`\n`);
    return [header, bytes, Buffer.from(bytes.length % 2 === 1 ? "\n" : "")];
  });
  return Buffer.concat([Buffer.from("!<arch>\n"), ...parts]);
}

/** One member of a tar that no honest tar would write. */
export interface TarMember {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symlink, `3` device, `5` directory. */
  readonly type: "0" | "1" | "2" | "3" | "5" | "L" | "x";
  readonly mode?: number;
  readonly link?: string;
  readonly bytes?: Uint8Array;
}

/** A ustar of exactly these members. */
export function handMadeTar(members: readonly TarMember[]): Buffer {
  const blocks = members.flatMap(({ name, type, mode = 0o755, link = "", bytes = Buffer.alloc(0) }) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;
    header.write(name, 0, 100);
    header.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(1_700_000_000, 12), 100);
    header.write("        ", 148);
    header.write(type, 156);
    header.write(link, 157, 100);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
