import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./run.ts";

/** An OpenPGP key of a test's own. */
export interface Signer extends AsyncDisposable {
  /** The public key with its subkeys, armored. */
  readonly publicKey: string;
  /** The last 8 hex digits of the ID of the key that signs, lower-case: as much as rpm 4.18 prints of it. */
  readonly id: string;
  /** Signs a package, in place of the signature that it has; with gpg's name of a digest, `sha1`. */
  sign(file: string, digest?: string): Promise<void>;
}

/** Makes a key that signs; with a subkey that is all it signs with, if asked. Needs gpg and rpmsign. */
export async function createSigner(kind: "primary" | "subkey" = "primary"): Promise<Signer> {
  // The agent's socket has a path of at most 108 bytes.
  const home = await mkdtemp(path.join(tmpdir(), "gpg-"));
  const env = { GNUPGHOME: home };
  const gpg = (...words: readonly string[]) =>
    run(["gpg", "--batch", "--quiet", "--passphrase", "", "--no-auto-check-trustdb", ...words], { env });
  const usage = kind === "primary" ? "sign" : "cert";
  await gpg("--quick-generate-key", "somebody", "rsa3072", usage, "never");
  const fingerprints = async () =>
    [...(await gpg("--list-keys", "--with-colons", "somebody")).matchAll(/^fpr:+([0-9A-F]+):/gm)].map(([, id]) => id!);
  const [primary = ""] = await fingerprints();
  if (kind === "subkey") await gpg("--quick-add-key", primary, "rsa3072", "sign", "never");
  const signing = (await fingerprints()).at(-1) ?? "";
  return {
    publicKey: await gpg("--armor", "--export", "somebody"),
    id: signing.slice(-8).toLowerCase(),
    async sign(file, digest) {
      const digests = digest === undefined ? [] : ["--define", `_gpg_digest_algo ${digest}`];
      // Debian's rpm is built without knowing where gpg is.
      const settings = ["--define", `_gpg_name ${signing}!`, "--define", "__gpg /usr/bin/gpg", ...digests];
      await run(["rpmsign", ...settings, "--resign", file], { env });
    },
    async [Symbol.asyncDispose]() {
      await run(["gpgconf", "--kill", "gpg-agent"], { env });
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A public key of OpenPGP's version 6, which rpm 4 cannot read; without a signature of its own, so that rpm 6 does not take it either. */
export function unreadableKey(): string {
  const body = Buffer.concat([Buffer.from([6, 0x65, 0x53, 0xf1, 0, 27, 0, 0, 0, 32]), Buffer.alloc(32, 7)]);
  const name = Buffer.from("version 6");
  const packets = Buffer.concat([Buffer.from([0xc6, body.length]), body, Buffer.from([0xcd, name.length]), name]);
  const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
  const lines = packets.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  const sum = Buffer.from([checksumOf(packets) >> 16, checksumOf(packets) >> 8, checksumOf(packets)]);
  return `${begin}\n\n${lines}\n=${sum.toString("base64")}\n${begin.replace("BEGIN", "END")}\n`;
}

/** CRC-24 of RFC 9580, section 6.1.1. */
function checksumOf(bytes: Buffer): number {
  let sum = 0xb704ce;
  for (const byte of bytes) {
    sum ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) sum = sum & 0x800000 ? (sum << 1) ^ 0x1864cfb : sum << 1;
    sum &= 0xffffff;
  }
  return sum;
}
