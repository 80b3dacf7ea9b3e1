import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePodmanVersion } from "../../src/deploy/podman.ts";
import { quadletUnit, type UnitRequest } from "../../src/deploy/quadlet.ts";
import { type ImagePlan, planImages } from "../../src/plan/plan.ts";
import { loadRecipe } from "../../src/recipe/load.ts";
import { generatorTools, quadletGenerator, unescaped } from "../support/quadlet-generator.ts";
import { run } from "../support/run.ts";
import { requireTools } from "../support/tools.ts";

const { recipe } = await loadRecipe("dhcpd");
const [plan] = planImages(recipe, { kind: "scratch", arches: ["x86_64"], hostArch: "x86_64", hostFamily: "debian" })
  .images as [ImagePlan];
const plain = {
  image: "localhost/dhcpd:latest-x86_64",
  interfaces: [],
  template: false,
  notify: false,
  user: false,
} as const;
const supported = ["4.4", "4.5", "4.6", "4.8", "5.0", "5.2", "5.4", "5.8"];

describe.runIf(requireTools(...generatorTools)).each(["trixie", "sid"] as const)(
  "the Quadlet generator of %s's podman",
  (suite) => {
    let generator: string;
    let directory: string;
    beforeAll(async () => {
      generator = await quadletGenerator(suite);
      directory = await mkdtemp(path.join(tmpdir(), "units-"));
    });
    afterAll(() => rm(directory, { recursive: true, force: true }));

    /** The service that the generator makes of a unit, each line once; it fails where the generator discards the unit. */
    async function generated(unit: { readonly name: string; readonly text: string }): Promise<string> {
      const place = await mkdtemp(path.join(directory, "unit-"));
      await writeFile(path.join(place, unit.name), unit.text);
      return run([generator, "-dryrun"], { env: { QUADLET_UNIT_DIRS: place } });
    }

    async function execStart(request: Partial<UnitRequest> & { podman: number }, of = plan): Promise<string> {
      const service = await generated(quadletUnit(of, { ...plain, ...request }));
      return /^ExecStart=(.*)$/m.exec(service)?.[1] ?? "";
    }

    it.each(supported)("takes the unit for podman %s", async (version) => {
      const command = await execStart({ podman: parsePodmanVersion(version), interfaces: ["eth0"], notify: true });
      expect(command.split(" ")).toEqual(
        expect.arrayContaining(["--init", "--read-only", "--security-opt=no-new-privileges", "--sdnotify=container"]),
      );
      expect(command).toContain(" --network host ");
      expect(command).toContain(" --user 177:177 ");
      expect(command).toContain(" --cap-drop all --cap-add net_raw --cap-add net_bind_service ");
      expect(command).toContain(" -v /etc/dhcp/dhcpd.conf:/etc/dhcp/dhcpd.conf:ro,z ");
      expect(command).toContain(" -v dhcpd-var-lib-dhcpd:/var/lib/dhcpd ");
      expect(command).toMatch(/ localhost\/dhcpd:latest-x86_64 -4 -f -d .* \/var\/lib\/dhcpd\/dhcpd\.leases eth0$/);
    });

    it("takes the template", async () => {
      const command = await execStart({ podman: parsePodmanVersion("5.0"), template: true });
      expect(command).toContain(" --name dhcpd-%i ");
      expect(command).toMatch(/ %i$/);
    });

    it("hands on the health check as one JSON word, and its dollars and percents as they are", async () => {
      const health = ["/x", "a b", "$HOME", "100%", 'q"\\'];
      const command = await execStart({ podman: 5004 }, { ...plan, service: { ...plan.service, health } });
      const written = / --health-cmd ("(?:[^"\\]|\\.)*") /.exec(command)?.[1] ?? "";
      expect(JSON.parse(unescaped(written))).toEqual(health);
    });

    it("hands on odd words of the command", async () => {
      const odd = [
        "a b",
        "$HOME",
        `\${HOME}`,
        "100%n",
        'q"uo\\te',
        "new\nline",
        "'single'",
        "a;b",
        "\\x41",
        "t\tb",
        "é",
      ];
      const service = { ...plan.service, command: ["/x", ...odd] };
      const command = await execStart({ podman: 5004, interfaces: ["eth0"] }, { ...plan, service });
      const words = command
        .slice(command.indexOf(plain.image) + plain.image.length + 1)
        .match(/"(?:[^"\\]|\\.)*"|\S+/g);
      expect(words?.map(unescaped)).toEqual([...odd, "eth0"]);
    });

    it("fails on a unit with a key that it does not know, so that the others prove something", async () => {
      const { name, text } = quadletUnit(plan, { ...plain, podman: 5004 });
      await expect(generated({ name, text: text.replace("Image=", "Imagine=a\nImage=") })).rejects.toThrow("Imagine");
    });
  },
);
