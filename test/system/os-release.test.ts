import { expect, it } from "vitest";
import { familyOf } from "../../src/system/os-release.ts";

it.each([
  ["Debian", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', "debian"],
  ["Ubuntu", "ID=ubuntu\nID_LIKE=debian\n", "debian"],
  ["Fedora", "ID=fedora\nVARIANT_ID=coreos\n", "fedora"],
  ["CentOS Stream", 'ID="centos"\nID_LIKE="rhel fedora"\n', "fedora"],
  ["a derivative of Ubuntu", "ID=mint\nID_LIKE='ubuntu debian'\n", "debian"],
  ["Arch", "ID=arch\n", undefined],
  ["a text that assigns twice", "ID=fedora\nID=debian", "debian"],
  ["a text without ID", "# ID=debian\nVERSION_ID=12\n", undefined],
  ["nothing", "", undefined],
])("the packages of %s", (_, text, family) => {
  expect(familyOf(text)).toBe(family);
});
