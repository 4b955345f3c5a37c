import { createHash, hash, timingSafeEqual } from "node:crypto";
import type { Random } from "../../platform/random.ts";

/** 256 bits that nobody guesses, base64url: fits cookies, URLs and headers. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString("base64url");
}

/** 128 bits, for what may be seen and must not be guessed. */
export function newId(random: Random): string {
  return Buffer.from(random.bytes(16)).toString("base64url");
}

/** As which a secret is stored and looked for: SHA-256, hex. Whoever reads the database learns nothing to use. */
export function digestOf(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** A second secret that follows from the first, and says nothing of it. */
export function derivedSecret(secret: string, use: string): string {
  return createHash("sha256").update(`assay ${use}\n`).update(secret).digest("base64url");
}

/** In constant time for texts of any length. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest());
}

const letters = "BCDFGHJKLMNPQRSTVWXZ23456789";

/** Letters and digits that nobody mistakes for each other and that make no words, in groups of four: `HJ4K-9XTB`. */
export function newCode(random: Random, groups: number): string {
  const one = (): string => {
    for (;;) {
      const byte = random.bytes(1)[0] ?? 255;
      // 252 = 9 × 28: every letter equally likely.
      if (byte < 252) return letters[byte % letters.length] ?? "";
    }
  };
  return Array.from({ length: groups }, () => one() + one() + one() + one()).join("-");
}

/** As somebody may have typed a code. */
export function normalCode(typed: string): string {
  const plain = typed.toUpperCase().replaceAll(/[\s-]/g, "");
  return (plain.match(/.{1,4}/g) ?? []).join("-");
}
