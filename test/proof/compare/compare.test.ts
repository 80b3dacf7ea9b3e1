import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differingAnswers, relayAddress } from "../../../src/proof/compare/compare.ts";
import { type DhcpPacket, decodePacket, encodePacket } from "../../../src/proof/compare/dhcp-packet.ts";
import { fieldsOf } from "../../../src/proof/compare/dialogue.ts";

const offer: DhcpPacket = {
  op: 2,
  transaction: 7,
  flags: 0x8000,
  ciaddr: "0.0.0.0",
  yiaddr: "192.0.2.100",
  siaddr: "0.0.0.0",
  giaddr: "0.0.0.0",
  hardware: "02:00:00:00:00:01",
  serverName: "",
  bootFile: "",
  options: new Map([
    [53, Uint8Array.of(2)],
    [51, Uint8Array.of(0, 0, 14, 16)],
  ]),
};

describe("a DHCP message", () => {
  it("has its fields where RFC 2131 has them, and at least 300 bytes", () => {
    const bytes = encodePacket(offer);
    expect(bytes).toHaveLength(300);
    expect(bytes.subarray(0, 3)).toEqual(Buffer.of(2, 1, 6));
    expect(bytes.subarray(16, 20)).toEqual(Buffer.of(192, 0, 2, 100));
    expect(bytes.subarray(236, 243)).toEqual(
      Buffer.of(0x63, 0x82, 0x53, 0x63, 51, 4, 0).fill(53, 4, 5).fill(1, 5, 6).fill(2, 6, 7),
    );
  });

  it("is read as it was written", () => {
    expect(decodePacket(encodePacket(offer))).toEqual({
      ...offer,
      options: new Map([...offer.options].map(([code, value]) => [code, Buffer.from(value)])),
    });
  });

  it("is never more than undefined for bytes that are none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, isWhole) => {
        const buffer = Buffer.from(bytes);
        if (isWhole && buffer.length > 240) {
          buffer[0] = 2;
          buffer.writeUInt32BE(0x63825363, 236);
        }
        const packet = decodePacket(buffer);
        expect(packet === undefined || packet.options instanceof Map).toBe(true);
      }),
    );
  });
});

it("two answers must agree on everything but the transaction, and on times only that they are there", () => {
  expect(fieldsOf(offer)).toMatchObject({ yiaddr: "192.0.2.100", "option 53": "02", "option 51": "a time" });
  expect(fieldsOf(offer)).not.toHaveProperty("transaction");
});

it.each([
  ["192.0.2.1/24", "192.0.2.254/24"],
  ["192.0.2.254/24", "192.0.2.253/24"],
  ["10.1.2.3/8", "10.255.255.254/8"],
  ["192.0.2.129/30", "192.0.2.130/30"],
])("beside the server %s a relay is %s", (server, relay) => {
  expect(relayAddress(server)).toBe(relay);
});

it("differences are told by what was said, field by field; silence is a difference", () => {
  const same = { said: "discover", answer: { yiaddr: "192.0.2.100" } };
  expect(differingAnswers([same], [same])).toEqual([]);
  expect(
    differingAnswers(
      [same, { said: "inform", answer: undefined }, { said: "renew", answer: { "option 15": "61" } }],
      [
        { said: "discover", answer: { yiaddr: "192.0.2.101" } },
        { said: "inform", answer: {} },
        { said: "renew", answer: {} },
        { said: "discover of client 2", answer: {} },
      ],
    ),
  ).toEqual([
    "discover: yiaddr is 192.0.2.100 here, 192.0.2.101 there",
    "inform: silence here",
    "renew: option 15 is 61 here, absent there",
    "discover of client 2: only one of them still had an answer before",
  ]);
});
