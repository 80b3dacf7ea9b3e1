import { expect, it } from "vitest";
import type { ImageDescription } from "../../src/image/config.ts";
import { notInherited } from "../../src/image/inheritance.ts";
import type { OsImagePlan } from "../../src/plan/plan.ts";
import { samplePlan } from "../report/sample.ts";

const { lock: _, ...common } = samplePlan;
const plan: OsImagePlan = { ...common, kind: "os", base: "localhost/base:44" };
const base = (config: object, annotations: Readonly<Record<string, string>> = {}): ImageDescription => ({
  id: `sha256:${"b".repeat(64)}`,
  digest: `sha256:${"e".repeat(64)}`,
  config: { architecture: "amd64", config },
  layers: [],
  annotations,
});

it("names everything that a base has and an image does not inherit, without values", () => {
  const config = {
    Env: ["PATH=/usr/bin", "container=oci", "LD_PRELOAD=/secret.so"],
    Labels: { "org.opencontainers.image.title": "base", run: "podman run --privileged IMAGE" },
    ExposedPorts: { "80/tcp": {}, "67/udp": {} },
    Volumes: { "/data": {} },
    User: "root",
    WorkingDir: "/root",
    Entrypoint: ["/entry"],
    Cmd: ["/bin/bash"],
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["NONE"] },
    OnBuild: ["RUN true"],
    Shell: ["/bin/bash", "-c"],
  };
  expect(notInherited(plan, base(config, { "run.oci.keep": "x", "org.opencontainers.image.base.name": "y" }))).toBe(
    "the image does not inherit from localhost/base:44: variables LD_PRELOAD, container; label run; port 80/tcp; " +
      "volume /data; annotation run.oci.keep; StopSignal; Healthcheck; OnBuild; Shell",
  );
});

it("is silent about a base that has nothing more, in whatever way it says nothing", () => {
  const config = { Env: ["PATH=/usr/bin"], Labels: null, Volumes: {}, OnBuild: [], StopSignal: "", Cmd: ["/bin/sh"] };
  expect(notInherited(plan, base(config))).toBeUndefined();
  expect(notInherited(plan, base({}))).toBeUndefined();
});

it("takes the recipe's own variables for no loss", () => {
  const service = { ...plan.service, environment: { TZ: "UTC" } };
  expect(notInherited({ ...plan, service }, base({ Env: ["TZ=Europe/Berlin"] }))).toBeUndefined();
});
