/** Links that are good once: the secret in them, of which only the hash is stored. */
import { hash } from "node:crypto";
import type { Random } from "../../platform/random.ts";

/** 192 bits, 32 characters of base64url. */
export function drawLinkSecret(random: Random): string {
  return Buffer.from(random.bytes(24)).toString("base64url");
}

/** SHA-256, hex. */
export function hashOfLink(secret: string): string {
  return hash("sha256", secret, "hex");
}
