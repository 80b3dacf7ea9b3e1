import type { Located } from "../system/root.ts";
import type { ElfFile, ElfImage } from "./read.ts";
import type { RootView } from "./view.ts";

/** undefined where the loader passes the file over and looks further. */
export type Verdict = { readonly image: ElfImage } | { readonly because: string } | undefined;

/**
 * What open_verify of glibc makes of a file: it passes over another class or machine and stops at anything else that is
 * wrong, another byte order included.
 */
export function judge(view: RootView, place: Located, like: ElfFile): Verdict {
  const examined = view.examine(place);
  if ("broken" in examined) return { because: examined.broken };
  const { file } = examined.image;
  if (file.class !== like.class) return undefined;
  if (file.endianness !== like.endianness) return { because: "its byte order is another" };
  if (file.machine !== like.machine) return undefined;
  if (file.type === "relocatable") return { because: "it is an object file, which only a linker reads" };
  if (file.type !== "shared" && file.type !== "executable") return { because: "neither a program nor a library" };
  return file.dynamic ? examined : { because: "it has no dynamic section" };
}
