import { AssayError } from "@assay/core";

/** Decodes base64 that arrives in pieces. Strict: RFC 4648 §4, padded, canonical, nothing between. */
export interface Base64Decoder {
  /** Bytes of all that is certain by now. Throws BAD_REQUEST. */
  push(text: string): Uint8Array;
  /** The last bytes. Throws BAD_REQUEST when the text is cut short. */
  finish(): Uint8Array;
}

const groups = /^[A-Za-z0-9+/]*$/;
const lastGroup = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;

export function createBase64Decoder(what: string): Base64Decoder {
  /** The last 1 to 4 characters: only the end may be padded. */
  let held = "";

  return {
    push(text) {
      const all = held + text;
      const certain = Math.max(0, Math.floor((all.length - 1) / 4)) * 4;
      held = all.slice(certain);
      const piece = all.slice(0, certain);
      if (!groups.test(piece)) throw malformed(what);
      return Buffer.from(piece, "base64");
    },
    finish() {
      if (held === "") return new Uint8Array();
      if (!lastGroup.test(held)) throw malformed(what);
      const bytes = Buffer.from(held, "base64");
      if (bytes.toString("base64") !== held) throw malformed(what);
      return bytes;
    },
  };
}

function malformed(what: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason: `the data of ${what} is not whole, padded base64` });
}
