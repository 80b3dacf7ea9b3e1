import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { butane } from "../../src/deploy/butane.ts";
import { podmanVersion } from "../../src/deploy/podman.ts";
import { quadletUnit } from "../../src/deploy/quadlet.ts";
import { type ImagePlan, planImages } from "../../src/plan/plan.ts";
import { loadRecipe } from "../../src/recipe/load.ts";

const { recipe } = await loadRecipe("dhcpd");
const [plan] = planImages(recipe, { kind: "scratch", arches: ["x86_64"], hostArch: "x86_64", hostFamily: "debian" })
  .images as [ImagePlan];
const request = { podman: podmanVersion(5, 4), image: "r.example/dhcpd:latest", interfaces: ["eth0"] };
const unit = quadletUnit(plan, { ...request, template: false, notify: false, user: false });

interface Config {
  readonly variant: string;
  readonly storage: { readonly files: { path: string; mode: number; contents: { inline?: string; local?: string } }[] };
}

describe("the Fedora CoreOS configuration", () => {
  const text = butane(plan, unit, { interface: "eth0", address: "192.0.2.1/24" });
  // Butane reads YAML 1.1, where 0644 is octal.
  const { variant, storage } = parse(text, { version: "1.1" }) as Config;

  it("is what it is, in whole", async () => {
    await expect(text).toMatchFileSnapshot("../fixtures/units/coreos.bu");
  });

  it("installs the unit unchanged", () => {
    expect(variant).toBe("fcos");
    expect(storage.files[0]).toEqual({
      path: "/etc/containers/systemd/dhcpd.container",
      mode: 0o644,
      contents: { inline: unit.text },
    });
  });

  it("gives the interface its address, in a file that only root reads", () => {
    const { path, mode, contents } = storage.files[1]!;
    expect({ path, mode }).toEqual({ path: "/etc/NetworkManager/system-connections/eth0.nmconnection", mode: 0o600 });
    expect(contents.inline).toContain("[ipv4]\nmethod=manual\naddress1=192.0.2.1/24\n");
  });

  it("takes the configuration from the file beside it", () => {
    expect(storage.files[2]).toEqual({
      path: "/etc/dhcp/dhcpd.conf",
      mode: 0o644,
      contents: { local: "dhcpd.conf" },
    });
  });

  it("gives an address of IPv6", () => {
    const v6 = butane(plan, unit, { interface: "eth0", address: "2001:db8::1/64" });
    expect(v6).toContain("[ipv6]\n          method=manual\n          address1=2001:db8::1/64\n");
  });

  it.each(["192.0.2.1", "192.0.2.1/33", "eth0", "2001:db8::1/129", "192.0.2.1/24\nx"])("refuses %j", (address) => {
    expect(() => butane(plan, unit, { interface: "eth0", address })).toThrow(
      `cannot use the address '${address}': it must be an address with its prefix`,
    );
  });
});
