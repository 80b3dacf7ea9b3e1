import { usageFailure } from "./errors.ts";

/**
 * The grammar of image names as buildah has it: https://github.com/containers/image/blob/main/docker/reference/regexp.go
 * As sources of regular expressions, without anchors.
 */
const component = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const host = `${label}(?:\\.${label})*(?::[0-9]+)?`;
const name = `(?:${host}/)?${component}(?:/${component})*`;
const tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
/** The algorithms that https://github.com/opencontainers/go-digest knows. */
const digest = "(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})";

/** One part of an image's name between slashes. */
export const imageNameComponent = new RegExp(`^${component}$`);
/** A name with or without a host, without tag and digest. */
const imageName = new RegExp(`^${name}$`);
/** A name that may have a tag, a digest or both: what can be pulled. */
export const imageReference = new RegExp(`^${name}(?::${tag})?(?:@${digest})?$`);
/** The longest name that registries and stores take, in characters. */
export const maxImageName = 255;

/** The image that a person gave for an option, undefined where none was given. Throws a usage Failure for what is no reference. */
export function parseImageReference(option: string, wanted: string | undefined): string | undefined {
  if (wanted === undefined || (wanted.length <= maxImageName + 128 && imageReference.test(wanted))) return wanted;
  throw usageFailure(
    `cannot use ${option} '${wanted}': that is no image name`,
    "an image looks like registry.example/name:tag",
  );
}

/**
 * The image that a person gave for an option, as a unit runs it: one without a host is local, and a local one without a tag and a digest has
 * this tag. undefined if none was given. Throws a usage Failure for what is no reference.
 */
export function imageToRun(option: string, wanted: string | undefined, tag: string): string | undefined {
  const image = parseImageReference(option, wanted);
  if (image === undefined) return undefined;
  const [, bare = image, rest = ""] = /^(.*?)((?::[^/:@]*)?(?:@.*)?)$/.exec(image) ?? [];
  const full = withHost(bare);
  return `${full}${rest === "" && full.startsWith("localhost/") ? `:${tag}` : rest}`;
}

/** The name that a person gave to an image, with its host. Throws a usage Failure where it has a tag or is no name. */
export function parseImageName(wanted: string): string {
  if (wanted.length <= maxImageName && imageName.test(wanted)) return withHost(wanted);
  const cannot = `cannot name the image '${wanted.slice(0, maxImageName)}'`;
  if (wanted.length > maxImageName) throw usageFailure(`${cannot}: it is longer than ${maxImageName} characters`);
  if (imageReference.test(wanted)) {
    const what = wanted.includes("@") ? "digest" : "tag";
    const bare = wanted.replace(/@.*$/, "").replace(/:[^/]*$/, "");
    throw usageFailure(
      `${cannot}: it has a ${what}`,
      `write ${bare}; the version and the architecture become its tags`,
    );
  }
  const lower = wanted.toLowerCase();
  throw usageFailure(
    `${cannot}: that is no image name`,
    lower !== wanted && imageName.test(lower)
      ? `an image's name is in lower case: ${lower}`
      : "an image's name looks like localhost/name or registry.example/group/name",
  );
}

/** The name as buildah stores it: one without a host is local. */
export function withHost(wanted: string): string {
  const first = wanted.split("/")[0] ?? "";
  const isHost = wanted.includes("/") && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  return isHost ? wanted : `localhost/${wanted}`;
}
