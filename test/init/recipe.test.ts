import { expect, it } from "vitest";
import type { Survey } from "../../src/init/inspect.ts";
import { draftRecipe, openDecisions } from "../../src/init/recipe.ts";
import { parseUnit } from "../../src/init/unit.ts";
import { parseRecipe } from "../../src/recipe/parse.ts";

const plain: Survey = {
  family: "debian",
  package: "echo-server",
  license: "MIT",
  unit: undefined,
  variables: new Map(),
  daemon: { path: "/usr/sbin/echod", package: "echo-daemon" },
  isProgram: (file) => file === "/usr/sbin/echod",
  users: [],
  made: [],
  state: [],
  configuration: [],
  ports: new Map(),
};

function withUnit(service: string, more: Partial<Survey> = {}): Survey {
  const says = parseUnit(`[Unit]\nDescription=Echo: "echo"\n[Service]\n${service}`);
  return { ...plain, ...more, unit: { path: "/usr/lib/systemd/system/echo.service", says, package: "echo" } };
}

it("a package that tells everything leaves nothing to decide", () => {
  const draft = draftRecipe(
    withUnit(
      `ExecStart=/usr/sbin/echod -c /etc/echo.conf $OPTIONS
User=echo
AmbientCapabilities=CAP_NET_RAW
StateDirectory=echo
CacheDirectory=echo
RuntimeDirectory=echo
PIDFile=/var/run/echo/echo.pid
`,
      {
        variables: new Map([["OPTIONS", "-n 4"]]),
        users: [{ name: "echo", uid: 7, gid: 8 }],
        made: ["/run/echo", "/var/lib/echo/more", "/etc/no"],
        configuration: ["/etc/echo.conf"],
        ports: new Map([["/etc/echo.conf", [7]]]),
      },
    ),
  );
  expect(openDecisions(draft)).toBe(0);
  expect(parseRecipe(draft, "echo.yaml")).toMatchObject({
    name: "echo-server",
    title: 'Echo: "echo"',
    service: {
      command: ["/usr/sbin/echod", "-c", "/etc/echo.conf", "-n", "4"],
      user: "7:8",
      capabilities: ["NET_RAW", "NET_BIND_SERVICE"],
      ports: ["7/tcp"],
      config: ["/etc/echo.conf"],
      state: ["/var/lib/echo", "/var/cache/echo"],
      runtime: ["/run/echo"],
    },
    scratch: { binaries: ["/usr/sbin/echod"], packages: { debian: ["echo-daemon"] } },
  });
});

it.each<[string, Survey, readonly string[]]>([
  ["a package without a unit", plain, ["the package has no unit", "without a unit", "what it listens to"]],
  [
    "a unit that starts a script",
    withUnit("ExecStart=/usr/share/echo/start now"),
    ["which is a script", "as root", ""],
  ],
  ["a unit that forks", withUnit("Type=forking\nExecStart=/usr/sbin/echod\nUser=echo"), ["in the foreground", ""]],
  ["a variable without a value", withUnit("ExecStart=/usr/sbin/echod $X\nUser=echo"), ["without $X", ""]],
  ["a licence that no machine can read", { ...plain, license: undefined }, ["the package's licence", "", "", ""]],
])("%s leaves decisions to a person, and is a recipe all the same", (_, found, decisions) => {
  const draft = draftRecipe(found);
  const open = draft.split("\n").filter((line) => line.includes("TODO:"));
  expect(open).toHaveLength(decisions.length);
  open.forEach((line, index) => void expect(line).toContain(decisions[index]));
  expect(() => parseRecipe(draft, "echo.yaml")).not.toThrow();
});
