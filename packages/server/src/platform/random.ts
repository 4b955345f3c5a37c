/** The only source of randomness. */
export interface Random {
  /** `count` bytes, cryptographically random. */
  bytes(count: number): Uint8Array;
  /** A fraction in [0, 1), for jitter and spreading; not for secrets. */
  fraction(): number;
}

/** RFC 9562, version 4. */
export function uuid(random: Pick<Random, "bytes">): string {
  const own = Buffer.from(random.bytes(16));
  own[6] = ((own[6] ?? 0) & 0x0f) | 0x40;
  own[8] = ((own[8] ?? 0) & 0x3f) | 0x80;
  return own.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
