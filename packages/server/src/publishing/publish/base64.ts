import { AssayError } from "@assay/core";

/** Decodes base64 that arrives in pieces. Strict: RFC 4648 §4, padded, canonical, nothing between. */
export interface Base64Decoder {
  /** Bytes of all that is certain by now. Throws BAD_REQUEST. */
  push(text: string): Uint8Array;
  /** The last bytes. Throws BAD_REQUEST when the text is cut short. */
  finish(): Uint8Array;
}

export function createBase64Decoder(what: string): Base64Decoder {
  /** The last 1 to 4 characters: only the end may be padded. */
  let held = "";

  return {
    push(text) {
      const all = held + text;
      const certain = Math.max(0, Math.floor((all.length - 1) / 4)) * 4;
      held = all.slice(certain);
      const bytes = decode(all.slice(0, certain));
      if (bytes.length !== (certain / 4) * 3) throw malformed(what);
      return bytes;
    },
    finish: () => decode(held),
  };

  /** Node's decoder takes much that is no base64; what it has taken is written back the one way it can be. */
  function decode(text: string): Uint8Array {
    const bytes = Buffer.from(text, "base64");
    if (bytes.toString("base64") !== text) throw malformed(what);
    return bytes;
  }
}

function malformed(what: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason: `the data of ${what} is not whole, padded base64` });
}
