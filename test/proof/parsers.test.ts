import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { parseImageFacts } from "../../src/image/podman.ts";
import { parseEvents } from "../../src/proof/checks/client-events.ts";
import { dueForRenewal } from "../../src/proof/checks/client6.ts";
import { parseSocketTable } from "../../src/proof/checks/readiness.ts";

const captured = (name: string) => readFileSync(path.join(import.meta.dirname, "../fixtures/proof", name), "utf8");

it("a service listens where /proc/net/udp has an unconnected socket", () => {
  expect(parseSocketTable(captured("proc-net-udp.txt"))).toEqual([{ port: 67, inode: expect.any(Number) }]);
});

it("a service listens where /proc/net/tcp has a listening socket, not where a connection is", () => {
  expect(parseSocketTable(captured("proc-net-tcp.txt"))).toEqual([{ port: 8000, inode: expect.any(Number) }]);
});

it("podman's description of an image becomes its facts", () => {
  expect(parseImageFacts(captured("podman-4.3-image-inspect.json"))).toMatchObject({
    id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    architecture: "amd64",
    config: {
      User: "177:177",
      Entrypoint: ["/usr/sbin/dhcpd"],
      Labels: { "org.opencontainers.image.licenses": "MPL-2.0" },
    },
    history: [],
  });
});

it("the client's script tells one event per line; a line in the making is not read yet", () => {
  expect(parseEvents("deconfig   \nbound 192.0.2.100 192.0.2.1 43200\nrene")).toEqual([
    { kind: "deconfig", lease: { address: "", server: "", seconds: 0 } },
    { kind: "bound", lease: { address: "192.0.2.100", server: "192.0.2.1", seconds: 43200 } },
  ]);
});

it("a DHCPv6 client's lease file is made due for renewal without touching anything else", () => {
  expect(dueForRenewal("  ia-na 01:02:03:04 {\n    starts 1795471726;\n    renew 3750;\n    rebind 0;\n")).toBe(
    "  ia-na 01:02:03:04 {\n    starts 1795471726;\n    renew 1;\n    rebind 0;\n",
  );
});
