import { AssayError, decodeUtf8 } from "@assay/core";

/** Takes what is cut out of a body while it arrives. */
export interface AttachmentSink {
  /** The text of `_attachments.<key>.data` begins. */
  begin(key: string): void;
  /** The next characters of the text. */
  data(text: string): Promise<void>;
  end(): Promise<void>;
}

export interface BodyScanner {
  push(chunk: Uint8Array): Promise<void>;
  /** The body without what was cut out: each such string is empty in it. */
  rest(): string;
}

export interface ScanLimits {
  /** Most bytes of the body without what is cut out. */
  readonly restBytes: number;
  /** Told before more is kept, how much; may throw. */
  readonly keeps?: (bytes: number) => void;
}

const quote = 0x22;
const backslash = 0x5c;
const slash = 0x2f;
/** Deeper than any manifest. */
const maxDepth = 200;
const maxKeyBytes = 2048;
/** What is kept grows by blocks of these sizes, bytes. */
const smallestBlock = 4096;
const largestBlock = 65536;

/**
 * Cuts the data of attachments out of a publish body (JSON, an object) as it passes, so that it is never whole in
 * memory. Which attachments is for `isCut` to say, by their key. What is left must be parsed strictly afterwards: it
 * is JSON exactly when the body was, since only characters of base64 are cut out of strings; this reads no grammar of
 * its own. Throws BAD_REQUEST, BODY_TOO_LARGE.
 */
export function createBodyScanner(
  { restBytes, keeps }: ScanLimits,
  isCut: (key: string) => boolean,
  sink: AttachmentSink,
): BodyScanner {
  const kept: Uint8Array[] = [];
  /** The last of `kept`, while there is room in it: of pieces kept one by one, each would cost more than it holds. */
  let block = new Uint8Array(0);
  let blockBytes = 0;
  let keptBytes = 0;
  /** Of each open object the member being read; undefined for a list. */
  const open: (string | undefined)[] = [];
  let expectsKey = false;
  let state: "between" | "string" | "cut" = "between";
  let isKey = false;
  let isEscaped = false;
  let key: Uint8Array[] = [];
  let keyBytes = 0;

  function keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    if (keptBytes + bytes.byteLength > restBytes) throw new AssayError("BODY_TOO_LARGE", { limitBytes: restBytes });
    keeps?.(bytes.byteLength);
    keptBytes += bytes.byteLength;
    // Copies: the chunk is another's, and far larger than what is kept of it.
    for (let at = 0; at < bytes.byteLength;) {
      if (blockBytes === block.byteLength) {
        block = new Uint8Array(Math.min(largestBlock, Math.max(smallestBlock, keptBytes)));
        blockBytes = 0;
        kept.push(block);
      }
      const part = bytes.subarray(at, at + block.byteLength - blockBytes);
      block.set(part, blockBytes);
      blockBytes += part.byteLength;
      at += part.byteLength;
    }
  }

  function keepKey(bytes: Uint8Array): void {
    if (open.length > 3) return;
    keyBytes += bytes.byteLength;
    if (keyBytes > maxKeyBytes) throw refused(`a member has a name of more than ${maxKeyBytes} bytes`);
    key.push(Uint8Array.from(bytes));
  }

  function endKey(): void {
    if (open.length > 3) return;
    const text = `"${Buffer.concat(key).toString("utf8")}"`;
    try {
      open[open.length - 1] = JSON.parse(text) as string;
    } catch (cause) {
      throw new AssayError("BAD_REQUEST", { reason: "its body is not JSON" }, { cause });
    }
    key = [];
    keyBytes = 0;
  }

  function cutKey(): string | undefined {
    const [top, attachment, member] = open;
    if (open.length !== 3 || top !== "_attachments" || member !== "data" || attachment === undefined) return undefined;
    return isCut(attachment) ? attachment : undefined;
  }

  /** Reads from `at` outside strings; answers where a string begins, or the end of the chunk. */
  function between(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      switch (chunk[at]) {
        case quote:
          return at;
        case 0x7b: // {
        case 0x5b: // [
          expectsKey = chunk[at] === 0x7b;
          open.push(expectsKey ? "" : undefined);
          if (open.length > maxDepth) throw refused(`its body is nested deeper than ${maxDepth}`);
          break;
        case 0x7d: // }
        case 0x5d: // ]
          open.pop();
          expectsKey = false;
          break;
        case 0x2c: // ,
          expectsKey = open.at(-1) !== undefined;
          break;
        case 0x3a: // :
          expectsKey = false;
          break;
        default:
      }
    }
    return chunk.length;
  }

  /** The end of the string that is open at `from`: where its quote stands, or the end of the chunk. */
  function endOfString(chunk: Uint8Array, from: number): number {
    let at = from;
    if (isEscaped && at < chunk.length) {
      isEscaped = false;
      at += 1;
    }
    while (at < chunk.length) {
      const byte = chunk[at];
      if (byte === quote) return at;
      if (byte === backslash) {
        if (at + 1 === chunk.length) isEscaped = true;
        at += 2;
      } else at += 1;
    }
    return chunk.length;
  }

  async function cut(chunk: Uint8Array, from: number): Promise<number> {
    const end = chunk.indexOf(quote, from);
    const until = end === -1 ? chunk.length : end;
    let at = from;
    // Some writers of JSON escape the slash. Nothing else of base64 can be.
    if (isEscaped) {
      if (chunk[at] !== slash) throw needless();
      isEscaped = false;
    }
    while (at < until) {
      const escape = chunk.indexOf(backslash, at);
      const stop = escape === -1 || escape >= until ? until : escape;
      await sink.data(Buffer.from(chunk.buffer, chunk.byteOffset + at, stop - at).toString("latin1"));
      at = stop;
      if (stop === until) break;
      if (stop + 1 === until && end === -1) isEscaped = true;
      else if (chunk[stop + 1] !== slash) throw needless();
      at = stop + 1;
    }
    return until;
  }

  return {
    async push(chunk) {
      let at = 0;
      /** Where what is kept of this chunk and not copied yet begins. */
      let keptFrom = 0;
      while (at < chunk.length) {
        if (state === "between") {
          const next = between(chunk, at);
          if (next === chunk.length) break;
          at = next + 1;
          isKey = expectsKey;
          const cutting = isKey ? undefined : cutKey();
          state = cutting === undefined ? "string" : "cut";
          if (cutting === undefined) continue;
          keep(chunk.subarray(keptFrom, at));
          sink.begin(cutting);
        } else if (state === "cut") {
          const end = await cut(chunk, at);
          if (end === chunk.length) return;
          keptFrom = end;
          at = end + 1;
          await sink.end();
          state = "between";
        } else {
          const end = endOfString(chunk, at);
          if (isKey) keepKey(chunk.subarray(at, end));
          if (end === chunk.length) break;
          at = end + 1;
          if (isKey) endKey();
          state = "between";
        }
      }
      if (state !== "cut") keep(chunk.subarray(keptFrom));
    },
    rest() {
      try {
        return decodeUtf8(Buffer.concat(kept, keptBytes));
      } catch (cause) {
        throw new AssayError("BAD_REQUEST", { reason: "its body is not UTF-8" }, { cause });
      }
    },
  };
}

function needless(): AssayError<"BAD_REQUEST"> {
  return refused("the data of an attachment has an escape that base64 does not need");
}

function refused(reason: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason });
}
