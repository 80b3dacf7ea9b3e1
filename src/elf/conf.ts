import path from "node:path";
import { Failure } from "../system/errors.ts";
import { matchingPaths } from "../system/glob.ts";
import type { RootView } from "./view.ts";

/**
 * The directories that /etc/ld.so.conf and the files it includes name, in order. The loader never reads it: it is what ldconfig(8) would
 * search for a cache, where a root is made of packages and has none yet. Throws Failure for absurdly many.
 */
export function confDirectories(view: RootView): readonly string[] {
  const directories = [...new Set(readConf(view, main, new Set()))];
  if (directories.length <= mostDirectories) return directories;
  throw new Failure(`cannot use ${main}: it names more than ${mostDirectories} directories`);
}

const main = "/etc/ld.so.conf";
/** Each library is looked for in each of them; the files of a whole Debian 12 name some twenty. */
const mostDirectories = 1024;
/** What every distribution's file says; the package that has it is not taken in for that alone. */
const usual = "include /etc/ld.so.conf.d/*.conf";

function readConf(view: RootView, file: string, read: Set<string>): readonly string[] {
  if (read.has(file)) return [];
  read.add(file);
  const lines = (view.text(file) ?? (file === main ? usual : ""))
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim());
  return lines.flatMap((line) => {
    const included = /^include\s+(.*)$/.exec(line)?.[1];
    if (included !== undefined) {
      const files = included
        .split(/\s+/)
        .flatMap((pattern) => matchingPaths(view.root, path.posix.resolve(path.posix.dirname(file), pattern)));
      return files.flatMap((each) => readConf(view, each, read));
    }
    // `hwcap N name` is of no effect in any glibc of this century.
    if (line.startsWith("hwcap")) return [];
    return line
      .split(/[\s,:]+/)
      .filter((each) => each.startsWith("/"))
      .map((each) => each.replace(/(?<=.)\/+$/, ""));
  });
}
