import { parsePolicy, parseVkey, signatureType, isAssayError } from "@assay/core";
import type { Kind } from "./kinds.ts";

/** A log's key: a vkey of type 1. */
export function logKey(): Kind {
  return {
    allowed: "a log's key, name+hex+base64 of type 1 (Ed25519), as the log lists it",
    list: false,
    schema: { type: "string", pattern: "^[^+\\s]+\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]+=*$" },
    read: (value) =>
      typeof value === "string" && accepts(() => parseVkey(value).type === signatureType.ed25519) ? value : undefined,
  };
}

/** A witness policy, c2sp.org/tlog-policy; its last line may lack the line feed. */
export function witnessPolicy(): Kind {
  return {
    allowed: "a witness policy: lines `witness <name> <vkey>`, `group <name> <k> <members>`, and one `quorum <name>`",
    list: false,
    schema: { type: "string", maxLength: 65_536 },
    read: (value) => {
      if (typeof value !== "string") return undefined;
      const text = value.endsWith("\n") ? value : `${value}\n`;
      return accepts(() => parsePolicy(text).quorum !== "") ? text : undefined;
    },
  };
}

function accepts(read: () => boolean): boolean {
  try {
    return read();
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return false;
    throw error;
  }
}
