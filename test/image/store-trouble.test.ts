import { expect, it } from "vitest";
import { storeTrouble, withStore } from "../../src/image/store-trouble.ts";
import { CommandFailure } from "../../src/system/run.ts";

const warning = 'time="T" level=warning msg="no subuid ranges found for user \\"jo\\" in /etc/subuid"\n';
const troubleOf = (stderr: string) =>
  storeTrouble(new CommandFailure(["buildah", "images"], { reason: "exit code 125", exitCode: 125, stderr }));

// As buildah 1.28 and podman 4.3 print it.
it.each([
  [
    'time="T" level=error msg="finding newgidmap: exec: \\"newgidmap\\": executable file not found in $PATH"',
    "newgidmap is not installed",
    "dhcpd-build doctor",
  ],
  [
    `${warning}Error: copier: put: error setting ownership of "/var/lib/x" to 177:177: lchown /var/lib/x: invalid argument`,
    "this user has too few subordinate ids",
    "dhcpd-build doctor prints the command that assigns them",
  ],
  ["Error during setresuid(0): Operation not permitted", "no user namespace can be made (setresuid)", "doctor"],
  [
    `time="T" level=error msg="failed to setup From and Build flags: failed to get container config: toml: line 1: expected '.'"`,
    "its configuration cannot be read: toml: line 1: expected '.'",
    "storage",
  ],
  [
    'time="T" level=error msg="stat /nope.conf: no such file or directory"',
    "its configuration cannot be read: stat /nope.conf: no such file or directory",
    "storage",
  ],
  [
    "Error: mkdir /home/jo: read-only file system",
    "its directory cannot be made: mkdir /home/jo: read-only file system",
    "HOME",
  ],
  ["cannot resolve /home/jo: lstat /home/jo: no such file or directory", "there is no /home/jo", "HOME"],
])("%s", (stderr, cause, hint) => {
  expect(troubleOf(stderr)?.message).toBe(`cannot use the containers store: ${cause}`);
  expect(troubleOf(stderr)?.hint?.toLowerCase()).toContain(hint.toLowerCase());
});

it.each(["", "Error: x: image not known", `${warning}Error: x: image not known`])(
  "%j is no trouble of the store",
  (stderr) => {
    expect(troubleOf(stderr)).toBeUndefined();
  },
);

it("a storage.conf that is printed as unreadable before the answer is a trouble, and other output is not", () => {
  const line = "Failed to read /home/jo/.config/containers/storage.conf toml: line 1: expected '.', but got '['";
  expect(() => withStore(`${line}\n[]`)).toThrow(
    "cannot use the containers store: its configuration cannot be read: toml: line 1: expected '.', but got '['",
  );
  expect(withStore("[]")).toBe("[]");
  expect(withStore(`[]\n${line}`)).toBe(`[]\n${line}`);
});
