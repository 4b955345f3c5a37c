/** The only source of randomness. */
export interface Random {
  /** `count` bytes, cryptographically random. */
  bytes(count: number): Uint8Array;
  /** A fraction in [0, 1), for jitter and spreading; not for secrets. */
  fraction(): number;
}
