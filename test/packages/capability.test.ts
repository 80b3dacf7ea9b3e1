import { describe, expect, it } from "vitest";
import { encodeFileCapabilities } from "../../src/packages/capability.ts";

const hex = (text: string) => {
  const bytes = encodeFileCapabilities(text);
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/(.{8})(?=.)/g, "$1 ");
};

describe("file capabilities as the kernel keeps them", () => {
  // vfs_cap_data of linux/capability.h: revision and effective, then permitted and inheritable, low half and high half.
  it.each([
    ["cap_net_raw=p", "00000002 00200000 00000000 00000000 00000000", "permitted"],
    ["cap_net_raw=ep", "01000002 00200000 00000000 00000000 00000000", "effective, too"],
    ["cap_net_raw+ep", "01000002 00200000 00000000 00000000 00000000", "as older libcaps print it"],
    ["= cap_net_raw+ep", "01000002 00200000 00000000 00000000 00000000", "or even older ones"],
    ["cap_net_admin,cap_net_raw=eip", "01000002 00300000 00300000 00000000 00000000", "several, inheritable"],
    ["cap_setuid=ep cap_setgid=p", "01000002 c0000000 00000000 00000000 00000000", "several clauses"],
    ["cap_sys_admin+ep cap_sys_admin-e", "00000002 00002000 00000000 00000000 00000000", "one that takes away"],
    ["cap_bpf,cap_checkpoint_restore=p", "00000002 00000000 00000000 80010000 00000000", "in the high half"],
    ["=p", "00000002 ffffffff 00000000 ff010000 00000000", "all there are"],
  ])("%s is %s (%s)", (text, bytes) => {
    expect(hex(text)).toBe(bytes);
  });

  // Measured: setcap(8) and rpm -i of 4.18 and 6.1 write it for each of these.
  it.each(["=", "all=", "cap_net_raw=", "cap_net_raw+p cap_net_raw-p"])("%s is empty sets", (text) => {
    expect(hex(text)).toBe("00000002 00000000 00000000 00000000 00000000");
  });

  it.each(["cap_tomorrow=ep", "net_raw", "cap_net_raw=x", "cap_net_raw"])("%s is refused", (text) => {
    expect(() => encodeFileCapabilities(text)).toThrow(`cannot understand the file capabilities '${text}'`);
  });
});
