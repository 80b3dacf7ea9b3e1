import { describe, expect, test } from "vitest";
import { type Inspection, remarksOn, reportRemarks, requireSound } from "../../src/closure/inspection.ts";
import type { Failure } from "../../src/system/errors.ts";
import { type Log, silent } from "../../src/system/log.ts";

const finding = { file: "/bin/prog", wanted: "GREET_2", sentence: "/bin/prog needs GREET_2" };
const hint = {
  about: "/etc/services",
  answers: ["/etc/services.d"],
  imports: ["getservbyname"],
  sentence: "looks up services by name",
};
const inspection: Inspection = {
  findings: [
    { ...finding, severity: "error" },
    { ...finding, severity: "warning", wanted: "GREET_3", sentence: "/bin/prog would like GREET_3" },
  ],
  warnings: ["'/bin/prog' goes without 'libaux.so' (auxiliary): there is no such library"],
  hints: [hint],
  lacking: [{ soname: "/usr/bin/perl", requiredBy: ["/usr/share/served/tidy"], optional: true }],
};

function said(tell: (log: Log) => void): readonly string[] {
  const lines: string[] = [];
  tell({ ...silent, info: (line: string) => void lines.push(line) } as Log);
  return lines;
}

describe("what does not fit", () => {
  test("is a failure with every error and what would accept it", () => {
    const error = (() => {
      try {
        requireSound(inspection, []);
      } catch (thrown) {
        return thrown as Failure;
      }
      return undefined;
    })();
    expect(error?.message).toBe("cannot complete the closure:\n  /bin/prog needs GREET_2");
    expect(error?.hint).toContain("scratch.ignoreHints: [GREET_2]");
  });

  test("is accepted where the recipe ignores it", () => {
    expect(() => requireSound(inspection, ["GREET_2"])).not.toThrow();
  });
});

describe("what a person may want to know", () => {
  test("is told once for several images, with what a recipe can do about it", () => {
    const remarks = remarksOn(inspection, ["GREET_2"], () => false);
    expect(said((log) => reportRemarks([...remarks, ...remarks], log))).toEqual([
      "'/bin/prog' goes without 'libaux.so' (auxiliary): there is no such library",
      "/bin/prog would like GREET_3",
      "/usr/bin/perl: no package provides it, and /usr/share/served/tidy cannot be started without it",
      "/etc/services: the service looks up services by name (imports getservbyname)",
      "add such files with scratch.files or scratch.include, or suppress the hints with scratch.ignoreHints: [/usr/bin/perl, /etc/services]",
    ]);
  });

  test("is not told where the image has the file, nor where the recipe ignores it", () => {
    const quiet = { ...inspection, findings: [], warnings: [], lacking: [] };
    expect(remarksOn(quiet, [], (path) => path === "/etc/services")).toEqual([]);
    expect(remarksOn(quiet, [], (path) => path === "/etc/services.d")).toEqual([]);
    expect(remarksOn(quiet, ["/etc/services"], () => false)).toEqual([]);
    expect(said((log) => reportRemarks([], log))).toEqual([]);
  });
});
