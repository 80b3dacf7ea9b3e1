import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type ImagePlan, planImages } from "../../src/plan/plan.ts";
import type { PlanRequest } from "../../src/plan/request.ts";
import { loadRecipe } from "../../src/recipe/load.ts";
import { parseRecipe } from "../../src/recipe/parse.ts";
import { Failure } from "../../src/system/errors.ts";
import { rightRecipe, withLine } from "../recipe/text.ts";

const plain: PlanRequest = { kind: "scratch", arches: [], hostArch: "x86_64", hostFamily: "debian" };
const os: PlanRequest = { ...plain, kind: "fedora" };

function imagesOf(request: PlanRequest, text = rightRecipe): readonly ImagePlan[] {
  return planImages(parseRecipe(text, "r.yaml"), request).images;
}

function planOf(request: PlanRequest, text = rightRecipe): ImagePlan {
  const [image] = imagesOf(request, text);
  if (image === undefined) throw new Error("no image was planned");
  return image;
}

describe("what is not asked for", () => {
  it.each<[string, PlanRequest, Partial<ImagePlan>]>([
    ["the architecture is this machine's", { ...plain, hostArch: "aarch64" }, { arch: "aarch64" }],
    ["a scratch image is called after the recipe", plain, { image: "localhost/echo" }],
    ["an OS-based image is called after the recipe and its kind", os, { image: "localhost/echo-fedora" }],
    ["the family is this host's where the recipe has it", plain, { family: "debian", packages: ["echod"] }],
    ["the family is the recipe's first on any other host", { ...plain, hostFamily: undefined }, { family: "fedora" }],
    ["the base is the recipe's", os, { base: "registry.example/base:1", packages: ["echo-server"] }],
  ])("%s", (_, request, expected) => {
    expect(planOf(request)).toMatchObject(expected);
  });
});

it("no time is fixed, and an empty SOURCE_DATE_EPOCH fixes none", () => {
  expect(planOf(plain)).not.toHaveProperty("created");
  expect(planOf({ ...plain, sourceDateEpoch: "" })).not.toHaveProperty("created");
});

describe("what is asked for", () => {
  it.each<[string, PlanRequest, Partial<ImagePlan>]>([
    ["an architecture in OCI's spelling", { ...plain, arches: ["arm64"] }, { arch: "aarch64" }],
    ["another family", { ...plain, from: "fedora" }, { family: "fedora", packages: ["echo-server"] }],
    ["a name on a registry", { ...plain, name: "r.example:5000/a/b" }, { image: "r.example:5000/a/b" }],
    ["a bare name, which is local to buildah", { ...plain, name: "mine/echo" }, { image: "localhost/mine/echo" }],
    ["a builder", { ...plain, builder: "r.example/b:1" }, { builder: "r.example/b:1" }],
    ["another base", { ...os, base: "r.example/b:2" }, { base: "r.example/b:2" }],
    ["a time", { ...plain, sourceDateEpoch: "1700000000" }, { created: 1_700_000_000 }],
    ["the oldest time", { ...plain, sourceDateEpoch: "0" }, { created: 0 }],
  ])("%s", (_, request, expected) => {
    expect(planOf(request)).toMatchObject(expected);
  });

  it.each([
    [["all"], ["x86_64", "aarch64"]],
    [
      ["arm64", "amd64"],
      ["aarch64", "x86_64"],
    ],
    [
      ["aarch64", "all", "arm64"],
      ["aarch64", "x86_64"],
    ],
  ])("the architectures %j, each once and in this order: %j", (arches, expected) => {
    expect(imagesOf({ ...plain, arches }).map(({ arch }) => arch)).toEqual(expected);
  });
});

describe("the builder of the recipe", () => {
  const text = withLine("  packages: [echo-server]", "  packages: [echo-server]\n  builder: r.example/dnf:1");
  it.each([
    ["stands in where this host's family is another one", { ...plain, from: "fedora" }, "r.example/dnf:1"],
    ["gives way to the one asked for", { ...plain, from: "fedora", builder: "r.example/b:1" }, "r.example/b:1"],
    ["is not needed on a host of the family", { ...plain, hostFamily: "fedora" }, undefined],
    ["has nothing to do with the other family", plain, undefined],
  ] as const)("%s", (_, request, builder) => {
    expect((planOf(request, text) as { builder?: string }).builder).toBe(builder);
  });
});

describe("directories and files", () => {
  it("have a state directory of the service's user", () => {
    expect(planOf(plain).directories).toEqual([{ path: "/var/lib/echod", uid: 7, gid: 7, mode: 0o755 }]);
    expect(planOf(os).directories).toEqual([{ path: "/var/lib/echod", uid: 7, gid: 7, mode: 0o755 }]);
  });

  it("have it as the recipe wants it where it says so, and the others that the recipe names", () => {
    const text = withLine(
      "  binaries:",
      `  directories:
    - { path: /run/echod, owner: "7:8", mode: "0750" }
    - { path: /var/lib/echod, mode: "1777" }
  binaries:`,
    );
    expect(planOf(plain, text).directories).toEqual([
      { path: "/run/echod", uid: 7, gid: 8, mode: 0o750 },
      { path: "/var/lib/echod", uid: 0, gid: 0, mode: 0o1777 },
    ]);
  });

  it("have a runtime directory that is the service's own", () => {
    const text = withLine("  state: [/var/lib/echod]", "  state: [/var/lib/echod]\n  runtime: [/run/echod]");
    expect(planOf(plain, text).directories).toContainEqual({ path: "/run/echod", uid: 7, gid: 7, mode: 0o750 });
  });

  it("have files that are root's and readable unless the recipe says otherwise", () => {
    const text = withLine("  binaries:", "  files: [{ path: /a, content: x }]\n  binaries:");
    expect(planOf(plain, text).files).toEqual([{ path: "/a", content: "x", uid: 0, gid: 0, mode: 0o644 }]);
  });
});

describe("what cannot be planned is refused with a sentence and a hint", () => {
  const noScratch = rightRecipe.replace(/scratch:.*(?=checks:)/s, "");
  const noFedora = rightRecipe.replace(/fedora:\n {2}base.*(?=scratch:)/s, "");
  const oneArch = withLine("[x86_64, aarch64]", "[x86_64]");
  it.each<[PlanRequest, string, string, (string | undefined)?]>([
    [
      { ...plain, arches: ["riscv64"] },
      "cannot use the architecture 'riscv64': it is not known",
      "known are x86_64 (amd64), aarch64 (arm64) and all",
    ],
    [
      { ...plain, arches: ["x86-64"] },
      "cannot use the architecture 'x86-64': it is not known",
      "did you mean x86_64? known are x86_64 (amd64), aarch64 (arm64) and all",
    ],
    [
      { ...plain, arches: ["arm64"] },
      "cannot plan echo for aarch64: the recipe is not for it",
      "the recipe has x86_64",
      oneArch,
    ],
    [
      { ...plain, hostArch: "aarch64" },
      "cannot plan echo: the recipe is not for aarch64",
      "choose with --arch: x86_64 or all",
      oneArch,
    ],
    [
      { ...plain, hostArch: undefined },
      "cannot plan echo: images cannot be built for this machine's architecture",
      "choose with --arch: x86_64, aarch64 or all",
    ],
    [
      { ...plain, from: "suse" },
      "cannot plan echo from suse packages: there is no such family of packages",
      "the recipe has fedora, debian",
    ],
    [
      { ...plain, from: "fedora" },
      "cannot plan echo from fedora packages: metadata dpkg-status-d describes Debian's",
      "take Debian's with --from debian, or leave scratch.metadata out of the recipe",
      withLine("  binaries:", "  metadata: dpkg-status-d\n  binaries:"),
    ],
    [
      { ...plain, from: "debian" },
      "cannot plan echo from debian packages: the recipe names none",
      "the recipe has fedora",
      withLine("    debian: [echod]\n", ""),
    ],
    [
      plain,
      "cannot plan a scratch image of echo: the recipe has no scratch part",
      "there is `dhcpd-build fedora`",
      noScratch,
    ],
    [
      os,
      "cannot plan an OS-based image of echo: the recipe has no fedora part",
      "there is `dhcpd-build scratch`",
      noFedora,
    ],
    [
      { ...plain, base: "b" },
      "cannot use --base: a scratch image has no base image",
      "--base belongs to `dhcpd-build fedora`",
    ],
    [
      { ...os, from: "debian" },
      "cannot use --from: an OS-based image has its base's packages",
      "--from belongs to `dhcpd-build scratch`",
    ],
    [
      { ...os, builder: "b" },
      "cannot use --builder: an OS-based image is built inside its base image",
      "--base chooses another one",
    ],
    [
      { ...os, base: "--privileged" },
      "cannot use --base '--privileged': that is no image name",
      "an image looks like registry.example/name:tag",
    ],
    [
      { ...plain, name: "r.example:5000/echo:1.0" },
      "cannot name the image 'r.example:5000/echo:1.0': it has a tag",
      "write r.example:5000/echo; the version and the architecture become its tags",
    ],
    [
      { ...plain, name: `echo@sha256:${"0".repeat(64)}` },
      `cannot name the image 'echo@sha256:${"0".repeat(64)}': it has a digest`,
      "write echo; the version and the architecture become its tags",
    ],
    [
      { ...plain, name: "Group/Echo" },
      "cannot name the image 'Group/Echo': that is no image name",
      "an image's name is in lower case: group/echo",
    ],
    [
      { ...plain, name: "-x" },
      "cannot name the image '-x': that is no image name",
      "an image's name looks like localhost/name or registry.example/group/name",
    ],
    [
      { ...plain, sourceDateEpoch: "yesterday" },
      "cannot use SOURCE_DATE_EPOCH 'yesterday': it must be whole seconds since 1970",
      "unset it, or try SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
    ],
  ])("%j", (request, sentence, hint, text) => {
    expect(failureOf(() => planOf(request, text))).toEqual({ sentence, hint, kind: "usage" });
  });

  it.each(["-1", "1.5", "1e3", "0x10", " 1", "8589934592", "9".repeat(400)])(
    "SOURCE_DATE_EPOCH %s",
    (sourceDateEpoch) => {
      expect(failureOf(() => planOf({ ...plain, sourceDateEpoch }))?.sentence).toMatch(
        /^cannot use SOURCE_DATE_EPOCH '/,
      );
    },
  );

  it.each(["", "a b", "a//b", "/a", "a/", "localhost/", "a\n", "docker://a", "é", "a".repeat(256)])(
    "the name %j",
    (tag) => {
      expect(failureOf(() => planOf({ ...plain, name: tag }))?.sentence).toMatch(/^cannot name the image '/);
    },
  );
});

function failureOf(act: () => unknown) {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { sentence: error.message, hint: error.hint, kind: error.kind };
  }
}

describe("the plans of the shipped recipes", () => {
  const project = path.resolve(import.meta.dirname, "../..");
  const names = readdirSync(path.join(project, "recipes")).map((file) => path.basename(file, ".yaml"));
  it.each(names.sort())("%s", async (name) => {
    const { recipe } = await loadRecipe(name);
    const families = Object.keys(recipe.scratch?.packages ?? {});
    const requests: PlanRequest[] = families.map((from) => ({ ...plain, arches: ["x86_64"], from }));
    if (recipe.fedora !== undefined) requests.push({ ...os, arches: ["aarch64"] });
    const plans = requests.flatMap((request) => planImages(recipe, request).images);
    await expect(`${JSON.stringify(plans, undefined, 2)}\n`).toMatchFileSnapshot(`../fixtures/plans/${name}.json`);
  });

  it("kea-dhcp4-sql has the lines of kea-dhcp4, and two plug-ins more", () => {
    const [plain, sql] = ["kea-dhcp4", "kea-dhcp4-sql"].map((name) => {
      const lines = readFileSync(path.join(project, `recipes/${name}.yaml`), "utf8").split("\n");
      const uncommented = lines.map((line) => line.replace(/(^| )#.*/, ""));
      return uncommented.filter((line) => line !== "" && !/^(name|title):/.test(line));
    });
    const added = /libdhcp_(mysql|pgsql)\.so|ifMissing:/;
    expect(sql?.filter((line) => !added.test(line))).toEqual(plain);
    expect(sql?.filter((line) => added.test(line)).map((line) => line.trim())).toEqual([
      "- /usr/$LIB/kea/hooks/libdhcp_mysql.so",
      "- /usr/$LIB/kea/hooks/libdhcp_pgsql.so",
      'ifMissing: "Kea before 2.7.4 has its database back ends built in and no such hooks: use --recipe kea-dhcp4"',
      '{"library": "libdhcp_mysql.so"},',
      '{"library": "libdhcp_pgsql.so"},',
    ]);
  });
});
