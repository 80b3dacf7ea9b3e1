import { isIPv4, isIPv6 } from "node:net";
import * as z from "zod";
import { type Arch, archNames, parseArch } from "../system/arch.ts";
import { imageNameComponent, imageReference, maxImageName } from "../system/image-name.ts";
import { nearest } from "../system/nearest.ts";
import { durationPattern } from "../system/time.ts";
import { capabilities } from "./capabilities.ts";
import { licenseMistakes } from "./license.ts";

/**
 * The values a recipe is made of. What ends up among the arguments of apt, dnf or buildah has a grammar that no option fits:
 * nothing here but a command's own arguments can begin with `-`.
 */

/** What a value must be, with an example, or with what a person most likely meant by the text. */
function must(be: string, example: string, meant: (text: string) => string | undefined) {
  return {
    error: ({ input }: { readonly input?: unknown }) => {
      const right = typeof input === "string" ? meant(input) : undefined;
      return right === undefined ? `must be ${be} such as ${example}` : `must be ${be}; write ${right}`;
    },
  };
}

/** Any text that can be an argument or a file's content: no NUL, and nothing that UTF-8 cannot say. */
export const text = z
  .string()
  .refine((value) => !/\0|\p{Cs}/u.test(value), "must not have a NUL or half a surrogate pair");

/** A word of a command or a variable's value; YAML makes a number of an unquoted `-4`, and that number is written the same. */
export const word = z
  .preprocess((value) => (typeof value === "number" ? String(value) : value), text)
  .meta({ type: ["string", "number"] });

/** One line for people. */
export const line = z
  .string()
  .regex(
    /^[^\p{Cc}\p{Cs}\s\\](?:[^\p{Cc}\p{Cs}\\]*[^\p{Cc}\p{Cs}\s\\])?$/u,
    "must be one line of text without a backslash and without spaces around it",
  );

export const serviceName = z
  .string()
  .max(128, "must have at most 128 characters")
  .regex(
    imageNameComponent,
    "must be usable in an image's name: lower-case letters and digits, with `.`, `_` or `-` between them",
  );

/** The pattern is for the JSON Schema alone: what can stand in an expression at all. */
export const license = z
  .string()
  .superRefine((value, context) => {
    for (const message of licenseMistakes(value)) context.addIssue({ code: "custom", message });
  })
  .meta({ pattern: "^[A-Za-z0-9(][A-Za-z0-9.+() -]*$" });

export const webAddress = z
  .string()
  .regex(/^https?:\/\/[^\s\p{Cc}\p{Cs}]+$/u, "must be a web address that begins with https://");

export const arch = z.enum(archNames as [Arch, ...Arch[]], {
  error: ({ input }) => {
    const meant = typeof input === "string" ? parseArch(input) : undefined;
    return meant === undefined
      ? choice(input, archNames, "architecture")
      : `\`${input}\` is spelled ${meant} in a recipe`;
  },
});

export const capability = z.enum(capabilities, {
  error: ({ input }) => {
    const bare = String(input).toUpperCase().replace(/^CAP_/, "");
    const known = capabilities.find((name) => name === bare);
    return known === undefined
      ? choice(input, capabilities, "capability")
      : `\`${input}\` is spelled ${known} in a recipe`;
  },
});

/** `/a/b`: absolute and normal, and not the root itself. */
export const path = z
  .string()
  .max(4095, "is longer than Linux takes (4095 bytes)")
  .regex(/^(?:\/(?!\.\.?(?:\/|$))[^/\p{Cc}\p{Cs}]+)+$/u, {
    error: ({ input }) =>
      input?.startsWith("/")
        ? "must be a normal path: no `//`, no `.` or `..`, no `/` at its end, no control characters"
        : "must be an absolute path",
  });

/** A path that stands in `--volume SOURCE:PATH:OPTIONS` and in a systemd unit. */
export const mountPath = path.regex(
  /^[^:,\s%$"'\\]*$/,
  "must not have a space or one of : , % $ \" ' \\ that mean something in a mount or a unit",
);

/** A directory on one of the file systems in memory that a read-only container has: podman-run(1), --read-only-tmpfs. */
export const temporaryPath = mountPath.regex(
  /^(?:\/run|\/tmp|\/var\/tmp)\//,
  "must lie below /run, /tmp or /var/tmp, which are empty at every start of a read-only container",
);

/** The program is a path, whatever comes after it is the program's own. */
export const argv = z.tuple([path], word);

const portNumber = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";

export const port = z.string().regex(
  new RegExp(`^${portNumber}/(?:udp|tcp|sctp)$`),
  must("a port from 1 to 65535 and its protocol", "67/udp", (text) => {
    if (new RegExp(`^${portNumber}$`).test(text)) return `${text}/udp or ${text}/tcp`;
    return new RegExp(`^${portNumber}/(?:udp|tcp|sctp)$`, "i").test(text) ? text.toLowerCase() : undefined;
  }),
);

/** `uid:gid`, by number: a scratch image has no user names. 4294967295 means "no one" to the kernel. */
export const owner = z
  .string()
  .regex(
    /^(?:0|[1-9][0-9]*):(?:0|[1-9][0-9]*)$/,
    must("a user's and a group's number", '"177:177"', (text) =>
      /^(?:0|[1-9][0-9]*)$/.test(text) ? `"${text}:${text}"` : undefined,
    ),
  )
  .refine(
    (value) => !/^[0-9]+:[0-9]+$/.test(value) || value.split(":").every((id) => Number(id) < 4294967295),
    "must have ids below 4294967295",
  );

export const mode = z
  .string()
  .regex(/^[0-7]{3,4}$/, 'must be a mode of three or four octal digits in quotes such as "0644"');

/** Debian Policy Manual, section 5.6.1. */
export const debianPackage = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be a Debian package's name: lower-case letters, digits, `+`, `.`, `-`");

/** Fedora Packaging Guidelines, Naming: common character set for package naming. */
export const rpmPackage = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/, "must be an RPM package's name: letters, digits, `-`, `.`, `_`, `+`");

/** A program's name, or its path. */
export const binary = z
  .string()
  .regex(
    /^(?:(?!\.\.?$)[A-Za-z0-9_.+][A-Za-z0-9_.+@:~-]*|(?:\/(?!\.\.?(?:\/|$))[^/\p{Cc}\p{Cs}]+)+)$/u,
    "must be a program's name, or its absolute path without `//`, `.` or `..`",
  );

export const image = z
  .string()
  .max(maxImageName + 128, "is too long for an image's name")
  .regex(imageReference, "must be an image's name such as registry.example/name:tag");

export const duration = z.string().regex(
  durationPattern,
  must("a time with its unit", "2s or 500ms", (text) => {
    const [, number, unit = ""] = /^((?!0+(?:\.0+)?(?![.0-9]))[0-9]+(?:\.[0-9]+)?) *([a-z]*)$/i.exec(text) ?? [];
    const spelled = timeUnits[unit.toLowerCase()];
    return number === undefined || spelled === undefined ? undefined : `${number}${spelled}`;
  }),
);

/** How people write the units of a time; a number alone is in seconds. */
const timeUnits: Readonly<Record<string, string>> = {
  "": "s",
  ...{ s: "s", sec: "s", second: "s", seconds: "s" },
  ...{ ms: "ms", m: "m", min: "m", minute: "m", minutes: "m" },
};

export const environmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a variable's name: letters, digits and `_`");

/** Whether text is `address/prefix` of the IP family. */
export function isInterfaceAddress(value: string, family: 4 | 6): boolean {
  const [address = "", prefix = "", ...rest] = value.split("/");
  const isAddress = family === 4 ? isIPv4(address) : isIPv6(address) && !address.includes("%");
  return (
    rest.length === 0 &&
    isAddress &&
    /^(?:0|[1-9][0-9]{0,2})$/.test(prefix) &&
    Number(prefix) <= (family === 4 ? 32 : 128)
  );
}

function choice(input: unknown, known: readonly string[], what: string): string {
  const meant = typeof input === "string" ? nearest(input, known) : undefined;
  if (meant !== undefined) return `\`${input}\` is no ${what}; did you mean ${meant}?`;
  return known.length > 6 ? `\`${input}\` is no ${what}` : `\`${input}\` is no ${what}; known are ${known.join(", ")}`;
}

/** A regular expression of ECMAScript with the flags `mu`. */
export const pattern = z.string().refine(
  (source) => {
    try {
      return new RegExp(source, "mu") !== undefined;
    } catch {
      return false;
    }
  },
  { message: "must be a regular expression" },
);
