import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CycloneDx } from "../../src/report/cyclonedx.ts";
import { cycloneDxComplaints } from "../report/schemas.ts";
import { pySpdxComplaints, spdxTools } from "../support/spdx-tools.ts";
import { loadBase, standIn, standInTools } from "../support/standin/standin.ts";
import { requireTools } from "../support/tools.ts";
import { createWorkshop, type Workshop } from "../support/workshop.ts";

const base = "localhost/standin:44";

describe.runIf(requireTools(...standInTools, ...spdxTools, "buildah", "skopeo"))(
  "what images of RPM packages tell of themselves",
  () => {
    let workshop: Workshop;
    const images = new Map<string, string>();
    const output = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await workshop.run(args);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stderr}`);
      return stdout;
    };
    const bill = async (kind: string): Promise<CycloneDx> => JSON.parse(await output("sbom", images.get(kind) ?? ""));

    beforeAll(async () => {
      const world = await standIn();
      workshop = await createWorkshop();
      await loadBase(world.base.dnf5, base, workshop.store.env);
      const common = ["--arch", "x86_64", "--json"];
      const built = {
        "OS-based": await output("fedora", "--base", base, ...common),
        scratch: await output(
          "scratch",
          "--from",
          "fedora",
          "--builder",
          base,
          "--name",
          "localhost/from-rpms",
          ...common,
        ),
      };
      for (const [kind, text] of Object.entries(built)) images.set(kind, JSON.parse(text).images[0].references[0]);
    }, 600_000);
    afterAll(() => workshop?.[Symbol.asyncDispose]());

    describe.each(["OS-based", "scratch"])("%s", (kind) => {
      it("the bills of materials are valid by CycloneDX's own schema and SPDX's own validator", async () => {
        expect(cycloneDxComplaints(await bill(kind))).toEqual([]);
        expect(await pySpdxComplaints(await output("sbom", images.get(kind) ?? "", "--format", "spdx"))).toBe("");
      });

      it("the service's package is named as scanners do, with its licence", async () => {
        const { components } = await bill(kind);
        expect(components.find(({ name }) => name === "dhcp-server")).toMatchObject({
          version: expect.stringMatching(/^12:4\.4\.3-/),
          purl: expect.stringMatching(
            /^pkg:rpm\/fedora\/dhcp-server@4\.4\.3-[^?]+\?arch=x86_64&distro=fedora-44&epoch=12&upstream=dhcp-4\.4\.3-[^&]+\.src\.rpm$/,
          ),
          licenses: [{ expression: expect.stringContaining("MPL-2.0") }],
        });
      });
    });

    it("the OS-based image's bill has the base's packages too", async () => {
      const names = (await bill("OS-based")).components.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(["dhcp-server", "glibc", "setup"]));
    });

    it("a library of the scratch image is explained from the program to its package", async () => {
      const text = await output("why", images.get("scratch") ?? "", "/lib64/libc.so.6");
      expect(text).toMatch(/\/dhcpd\n {4}the recipe asks for this program\n/);
      expect(text).toMatch(/^package {3}glibc \S+ x86_64 of fedora 44$/m);
    });

    it("anything in the OS-based image is explained: by the recipe, by the packages that ask for its package, or by the base", async () => {
      const image = images.get("OS-based") ?? "";
      expect(await output("why", image, "/usr/sbin/dhcpd")).toMatch(
        /^dhcp-server\n {4}the recipe asks for this package\n\npackage {3}dhcp-server 12:/,
      );
      expect(await output("why", image, "/lib64/libidn2.so.0")).toMatch(
        /^dhcp-server\n {4}the recipe .*\nopenldap\n {4}dhcp-server requires .*\ngnutls\n {4}openldap requires libgnutls\.so\.30\(\)\(64bit\)\nlibidn2\n {4}gnutls requires libidn2\.so\.0\(\)\(64bit\)\n\npackage {3}libidn2 /,
      );
      expect(await output("why", image, "/etc/passwd")).toContain(`the base image ${base} has this package`);
      expect(await output("why", image, "/etc/ld.so.cache")).toContain("no package has it");
      expect(await output("why", image)).toMatch(/^gmp {2}\S+ {2}gnutls requires libgmp\.so\.10\(\)\(64bit\)$/m);
      // The last two are in any container, and not in the image.
      for (const absent of ["/no/such", "/etc/passwd/x", "/proc/cpuinfo", "/run/.containerenv"]) {
        const { exitCode, stderr } = await workshop.run(["why", image, absent]);
        expect([exitCode, stderr]).toEqual([
          1,
          expect.stringContaining(`error: cannot explain ${absent}: it is not in ${image}\n`),
        ]);
      }
      expect(await workshop.leftovers()).toEqual([]);
    });

    it("the difference between the two kinds begins with what they are", async () => {
      const text = await output("diff", images.get("OS-based") ?? "", images.get("scratch") ?? "");
      expect(text).toMatch(/^configuration: /);
      expect(text).toContain(`  ~ kind  on ${base} -> scratch, from fedora packages`);
      expect(text).toMatch(/^ {2}- setup {2}/m);
      expect(text).not.toContain("  ~ glibc");
    });
  },
);
