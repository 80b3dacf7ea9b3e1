import { describe, expect, it } from "vitest";
import { parseSysusers, parseTmpfiles, portsIn } from "../../src/init/declarations.ts";
import { commandOf, parseEnvironment, parseUnit, settingOf, splitWords, wordsOf } from "../../src/init/unit.ts";

describe("a unit", () => {
  const unit = parseUnit(`# a comment
[Unit]
Description=Echo server
[Service]
; another comment
ExecStart=/usr/sbin/echod \\
    -f
User=root
User=echo
StateDirectory=echo echo/more
ReadWritePaths=-/var/lib/a
ReadWritePaths=
ReadWritePaths=/var/lib/b
`);

  it.each([
    ["a line goes on after a backslash", settingOf(unit, "Service.ExecStart")?.split(/\s+/), ["/usr/sbin/echod", "-f"]],
    ["the last value of a key counts", settingOf(unit, "Service.User"), "echo"],
    ["a key belongs to its section", settingOf(unit, "Service.Description"), undefined],
    ["a list has words", wordsOf(unit, "Service.StateDirectory"), ["echo", "echo/more"]],
    ["an empty value takes back those before it", wordsOf(unit, "Service.ReadWritePaths"), ["/var/lib/b"]],
  ])("%s", (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe("a command line", () => {
  const variables = new Map([["OPTIONS", "-a -b"]]);
  it.each([
    ["loses the prefixes of systemd", "-+/bin/x y", ["/bin/x", "y"], []],
    ["keeps quoted words together", `/bin/x 'a b' "c \\"d"`, ["/bin/x", "a b", 'c "d'], []],
    ["gets the words of a variable", "/bin/x $OPTIONS", ["/bin/x", "-a", "-b"], []],
    ["loses what nobody gives a value", "/bin/x $NONE --at=$HOST %i", ["/bin/x"], ["$NONE", "--at=$HOST", "%i"]],
    ["keeps doubled signs as single ones", "/bin/x 5%% $$", ["/bin/x", "5%", "$"], []],
  ])("%s", (_, line, words, dropped) => {
    expect(commandOf(line, variables)).toEqual({ words, dropped });
  });

  it("is split as systemd does it", () => {
    expect(splitWords(`  a  "" 'b c'd `)).toEqual(["a", "", "b cd"]);
  });
});

it("a file of variables is read without a shell", () => {
  expect([...parseEnvironment(`# A=0\nA=1\nexport B="x y"\nno assignment\n`)]).toEqual([
    ["A", "1"],
    ["B", "x y"],
  ]);
});

it("sysusers.d tells users and their fixed numbers", () => {
  expect(parseSysusers('#c\nu dhcpd 177 "DHCP server"\nu kea - "Kea"\nu a 5:7\ng other 9\n')).toEqual([
    { name: "dhcpd", uid: 177, gid: 177 },
    { name: "kea", uid: undefined, gid: undefined },
    { name: "a", uid: 5, gid: 7 },
  ]);
});

it("tmpfiles.d tells directories, and no file", () => {
  expect(parseTmpfiles("d /run/a 0755 a a\nd /var/run/b/ -\nf /run/file\nd /run/%i\n")).toEqual(["/run/a", "/run/b"]);
});

it("ports are read where configurations usually name them, each once", () => {
  const text =
    "port 6379\n# port 1\nlisten 80 default_server;\n  listen [::]:80;\nlisten = 127.0.0.1:8080\nport 99999\n";
  expect(portsIn(text)).toEqual([6379, 80, 8080]);
});
