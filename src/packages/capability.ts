import { Failure } from "../system/errors.ts";

/** Linux capabilities in the order of their numbers (linux/capability.h). */
const numbered = [
  ...["chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner"],
  ...["sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice"],
  ...["sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap"],
  ...["mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf"],
  "checkpoint_restore",
];

/** VFS_CAP_REVISION_2 and VFS_CAP_FLAGS_EFFECTIVE of linux/capability.h. */
const revision = 0x02000000;
const effectiveFlag = 1;

/**
 * File capabilities as rpm prints them (cap_text_formats(7): `cap_net_raw=ep`, `cap_chown,cap_fowner+p`, several clauses separated by
 * spaces) as the bytes of `security.capability`. rpm writes the attribute for `=`, too: empty sets, which take root's capabilities from a
 * program (capabilities(7)). Throws Failure for a text with anything else in it: a file without its privileges would be another file.
 */
export function encodeFileCapabilities(text: string): Uint8Array {
  const sets = { e: 0n, p: 0n, i: 0n };
  for (const clause of text.trim().split(/\s+/)) {
    const match = /^((?:cap_[a-z_]+|all)?(?:,cap_[a-z_]+)*)((?:[=+-][eip]*)+)$/i.exec(clause);
    const bits = match === null ? undefined : bitsOf(match[1] ?? "");
    if (match === null || bits === undefined) throw new Failure(`cannot understand the file capabilities '${text}'`);
    for (const [, operator, flags = ""] of (match[2] ?? "").matchAll(/([=+-])([eip]*)/g)) {
      for (const set of ["e", "p", "i"] as const) {
        if (operator === "=") sets[set] &= ~bits;
        if (!flags.includes(set)) continue;
        sets[set] = operator === "-" ? sets[set] & ~bits : sets[set] | bits;
      }
    }
  }
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(revision | (sets.e === 0n ? 0 : effectiveFlag), 0);
  for (const half of [0, 1]) {
    bytes.writeUInt32LE(Number((sets.p >> BigInt(32 * half)) & 0xffffffffn), 4 + 8 * half);
    bytes.writeUInt32LE(Number((sets.i >> BigInt(32 * half)) & 0xffffffffn), 8 + 8 * half);
  }
  return bytes;
}

function bitsOf(names: string): bigint | undefined {
  const all = (1n << BigInt(numbered.length)) - 1n;
  if (names === "" || names.toLowerCase() === "all") return all;
  const numbers = names
    .toLowerCase()
    .split(",")
    .map((name) => numbered.indexOf(name.replace(/^cap_/, "")));
  return numbers.includes(-1) ? undefined : numbers.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);
}
