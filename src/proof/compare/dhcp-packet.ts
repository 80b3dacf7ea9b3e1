/** A DHCPv4 message, RFC 2131 section 2; addresses as text, options of RFC 2132 as raw bytes by their code. */
export interface DhcpPacket {
  /** 1 from a client, 2 from a server. */
  readonly op: 1 | 2;
  /** Chosen by the client, repeated in the answer. */
  readonly transaction: number;
  /** 0x8000 asks for answers by broadcast. */
  readonly flags: number;
  readonly ciaddr: string;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly giaddr: string;
  /** Six bytes in hex with colons. */
  readonly hardware: string;
  readonly serverName: string;
  readonly bootFile: string;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export const optionCodes = {
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
  parameters: 55,
  renewalTime: 58,
  rebindingTime: 59,
} as const;

/** Values of option 53. */
export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

const headerBytes = 236;
const cookie = 0x63825363;
/** The least that a client must be ready to take, and what old relays insist on. */
const leastBytes = 300;

export function encodePacket(packet: DhcpPacket): Buffer {
  const options = [...packet.options].flatMap(([code, value]) => [code, value.length, ...value]);
  const buffer = Buffer.alloc(Math.max(leastBytes, headerBytes + 4 + options.length + 1));
  buffer.writeUInt8(packet.op, 0);
  // Ethernet, with addresses of six bytes.
  buffer.writeUInt8(1, 1);
  buffer.writeUInt8(6, 2);
  buffer.writeUInt32BE(packet.transaction, 4);
  buffer.writeUInt16BE(packet.flags, 10);
  for (const [index, address] of [packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr].entries()) {
    Buffer.from(addressBytes(address)).copy(buffer, 12 + 4 * index);
  }
  Buffer.from(packet.hardware.replaceAll(":", ""), "hex").copy(buffer, 28);
  buffer.write(packet.serverName, 44, 64, "latin1");
  buffer.write(packet.bootFile, 108, 128, "latin1");
  buffer.writeUInt32BE(cookie, headerBytes);
  Buffer.from([...options, 255]).copy(buffer, headerBytes + 4);
  return buffer;
}

/** undefined for anything that is no whole DHCP message. */
export function decodePacket(bytes: Buffer): DhcpPacket | undefined {
  const op = bytes[0];
  if (bytes.length < headerBytes + 4 || (op !== 1 && op !== 2)) return undefined;
  if (bytes.readUInt32BE(headerBytes) !== cookie) return undefined;
  const options = decodeOptions(bytes.subarray(headerBytes + 4));
  if (options === undefined) return undefined;
  const address = (index: number) => bytes.subarray(12 + 4 * index, 16 + 4 * index).join(".");
  return {
    op,
    transaction: bytes.readUInt32BE(4),
    flags: bytes.readUInt16BE(10),
    ciaddr: address(0),
    yiaddr: address(1),
    siaddr: address(2),
    giaddr: address(3),
    hardware: [...bytes.subarray(28, 34)].map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
    serverName: text(bytes.subarray(44, 108)),
    bootFile: text(bytes.subarray(108, headerBytes)),
    options,
  };
}

/** Code, length, value, up to code 255; code 0 is padding. A code that comes again goes on (RFC 3396). */
function decodeOptions(bytes: Buffer): ReadonlyMap<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? 255;
    if (code === 255) return options;
    at++;
    if (code === 0) continue;
    const end = at + 1 + (bytes[at] ?? 0);
    if (at >= bytes.length || end > bytes.length) return undefined;
    options.set(code, Buffer.concat([options.get(code) ?? Buffer.alloc(0), bytes.subarray(at + 1, end)]));
    at = end;
  }
  return options;
}

export function addressBytes(address: string): readonly number[] {
  return address.split(".").map(Number);
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}
