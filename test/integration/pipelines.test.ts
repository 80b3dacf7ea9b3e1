import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDirectory } from "../support/cli.ts";
import { type Engine, pipelineDocuments, type Script, scriptsOf } from "../support/pipelines.ts";
import { type Registry, registryUser, startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

/** The scripts of each engine's jobs by the places at which its pipeline has them. The machines' own set-up is left out. */
const jobs = {
  github: { build: [/^jobs\.build\.steps\.(?!2)/], verify: [], index: [/^jobs\.index\.steps\.3/] },
  gitlab: { build: [/^\.tool$/, /^build$/], verify: [/^verify$/], index: [/^\.tool$/, /^index$/] },
  tekton: { build: [/^spec\.steps\.[01]$/], verify: [], index: [/^spec\.steps\.0$/] },
} as const satisfies Readonly<Record<Engine, Readonly<Record<"build" | "verify" | "index", readonly RegExp[]>>>>;

const able = requireTools("root", "buildah", "podman", "runc", "apt-get", "dpkg-deb", "docker-registry", "udhcpc");
describe.runIf(able)("a pipeline's own scripts, on two machines and then on none of the two", () => {
  let registry: Registry;
  let directory: string;
  let machines: readonly Workshop[];

  beforeAll(async () => {
    registry = await startRegistry({ credentials: true });
    machines = await Promise.all([createWorkshop(), createWorkshop(), createWorkshop()]);
    directory = await mkdtemp(path.join(tmpdir(), "pipelines-"));
    // The registry of this test has no TLS, of which the pipelines need know nothing.
    await program("dhcpd-build", `case $1 in push|index) set -- "$@" --tls-verify=false ;; esac`, [
      process.execPath,
      path.join(projectDirectory, "dist/main.js"),
    ]);
    const buildah = await run(["sh", "-c", "command -v buildah"]);
    await program("buildah", `case $1 in login|pull) verb=$1; shift; set -- "$verb" --tls-verify=false "$@" ;; esac`, [
      buildah,
    ]);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    for (const machine of machines ?? []) await machine[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function program(name: string, before: string, command: readonly string[]): Promise<void> {
    const file = path.join(directory, name);
    await writeFile(file, `#!/bin/sh\n${before}\nexec ${command.join(" ")} "$@"\n`);
    await chmod(file, 0o755);
  }

  /** Runs scripts one after the other as the engine would, in a directory of the job's own, which is returned. */
  async function job(name: string, machine: Workshop, scripts: readonly Script[], arch: string): Promise<string> {
    const place = path.join(directory, name);
    await mkdir(place);
    const env = {
      ...machine.env,
      PATH: `${directory}:${process.env.PATH}`,
      HOME: place,
      // Where buildah keeps credentials until log-out.
      XDG_RUNTIME_DIR: place,
      ...{ IMAGE: `${registry.host}/group/${name.split("-")[0]}`, ARCH: arch, RECIPE: "dhcpd" },
      ...{ REGISTRY_USER: registryUser.name, REGISTRY_TOKEN: registryUser.password },
      ...{
        CI_REGISTRY: registry.host,
        CI_REGISTRY_USER: registryUser.name,
        CI_REGISTRY_PASSWORD: registryUser.password,
      },
      ...{ GITHUB_OUTPUT: path.join(place, "digest"), GITHUB_STEP_SUMMARY: path.join(place, "summary") },
    };
    // What a Tekton workspace would hold.
    const login = ["login", "--username", registryUser.name, "--password", registryUser.password] as const;
    if (name.startsWith("tekton")) await run([path.join(directory, "buildah"), ...login, registry.host], { env });
    for (const { text } of scripts) {
      const script = text.replaceAll("$(results.digest.path)", path.join(place, "digest"));
      // What verify and prove found is in their files, as in an artifact.
      const found = "cat verify.json prove.json 2>/dev/null | grep -B2 -A8 -i fail >&2";
      await run(["bash", "-eo", "pipefail", "-c", `trap '[ $? -eq 0 ] || ${found}' EXIT\n${script}`], {
        env,
        cwd: place,
      });
    }
    return place;
  }

  function scriptsAt(engine: Engine, which: "build" | "verify" | "index"): readonly Script[] {
    const scripts = scriptsOf(engine);
    // The second document of Tekton's file is the index's.
    const firstDocument = scripts.length - (engine === "tekton" ? 1 : 0);
    const own = engine !== "tekton" ? scripts : which === "build" ? scripts.slice(0, firstDocument) : scripts.slice(-1);
    return own.filter(({ place }) => jobs[engine][which].some((pattern) => pattern.test(place)));
  }

  const json = async (place: string, file: string) =>
    JSON.parse(await readFile(path.join(place, `${file}.json`), "utf8"));

  it.each(["github", "gitlab", "tekton"] as const)(
    "%s: from packages to an index of both architectures",
    async (engine) => {
      const [first, second, third] = machines as [Workshop, Workshop, Workshop];
      const build = scriptsAt(engine, "build");
      // Checks of a foreign architecture are the emulator's time.
      const unchecked = build.filter(({ text }) => !/ (?:verify|prove) /.test(text));
      const [x86, arm] = await Promise.all([
        job(`${engine}-x86_64`, first, build, "x86_64"),
        job(`${engine}-aarch64`, second, unchecked, "aarch64"),
      ]);
      const pushed = await Promise.all([x86, arm].map((place) => json(place, "pushed")));
      if (engine === "github") {
        expect(await readFile(path.join(x86, "digest"), "utf8")).toBe(`digest=${pushed[0].pushed[0].digest}\n`);
      }
      if (engine === "tekton")
        expect(await readFile(path.join(x86, "digest"), "utf8")).toBe(pushed[0].pushed[0].digest);
      expect(await json(arm, "sbom.cdx")).toMatchObject({ bomFormat: "CycloneDX" });
      expect(await json(arm, "sbom.spdx")).toMatchObject({ spdxVersion: "SPDX-2.3" });

      if (engine === "gitlab") await job("gitlab-verify", third, scriptsAt("gitlab", "verify"), "x86_64");
      const place = await job(`${engine}-index`, third, scriptsAt(engine, "index"), "");
      const { index } = await json(place, "index");
      expect(index.images.map(({ digest }: { digest: string }) => digest)).toEqual(
        pushed.map((each) => each.pushed[0].digest),
      );
      if (engine !== "gitlab") expect(await readFile(path.join(place, "digest"), "utf8")).toContain(index.digest);
    },
  );

  it("gives each job the variables that its scripts take", () => {
    const [github] = pipelineDocuments("github") as [
      { readonly env: object; readonly jobs: { build: { env: object } } },
    ];
    expect([github.env, github.jobs.build.env].flatMap(Object.keys)).toEqual(["IMAGE", "ARCH"]);
    const [gitlab] = pipelineDocuments("gitlab") as [{ readonly variables: object }];
    expect(Object.keys(gitlab.variables)).toContain("IMAGE");
  });
});
