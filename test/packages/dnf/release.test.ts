import { describe, expect, it } from "vitest";
import { distributionOf } from "../../../src/packages/dnf/release.ts";

const fedora = { id: "fedora", version: "44" };
const rocky = { id: "rocky", version: "8.9" };
const packageOf = (release: string) => ({ name: "server", version: "1", release, provides: new Set<string>() });
const releasePackage = (name: string, version: string) => ({
  ...{ name, version, release: "1" },
  provides: new Set([`${name} = ${version}-1`, `system-release = ${version}-1`]),
});

describe("the release that packages belong to", () => {
  it.each([
    ["is that of the system whose dnf was asked", fedora, "1.fc44", [], fedora],
    ["also if a package was not rebuilt for it, or carries no release", fedora, "1.fc43", [], fedora],
    ["", fedora, "1", [], fedora],
    ["", rocky, "1.el8_9", [], rocky],
    ["is not Fedora where a package is of Enterprise Linux", fedora, "44.el7", [], undefined],
    ["is Fedora where a package is, whatever the system", rocky, "1.fc44", [], fedora],
    ["", undefined, "27.P1.fc44", [], fedora],
    ["is what the repository's own release package says", undefined, "1.el8", [["rocky-release", "8.9"]], rocky],
    ["", fedora, "1.el7", [["centos-release", "7.9.2009"]], { id: "centos", version: "7" }],
    ["", undefined, "1.el10", [["centos-stream-release", "10.0"]], { id: "centos", version: "10" }],
    ["", undefined, "1.el9", [["redhat-release", "9.4"]], { id: "rhel", version: "9.4" }],
    ["", undefined, "1", [["fedora-release-container", "44"]], fedora],
    ["is nothing where nobody says it", undefined, "1.el7", [], undefined],
    ["", undefined, "1", [["generic-release", "44"]], undefined],
  ] as const)("%s", (_, system, release, others, expected) => {
    const known = others.map(([name, version]) => releasePackage(name, version));
    expect(distributionOf(system, [packageOf(release)], known)).toEqual(expected);
  });

  it("is not said by a package that has only the name of a release package", () => {
    expect(distributionOf(undefined, [packageOf("1")], [{ ...packageOf("1"), name: "rocky-release" }])).toBeUndefined();
  });
});
