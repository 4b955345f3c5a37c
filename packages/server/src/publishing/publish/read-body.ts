import { AssayError } from "@assay/core";
import {
  createTarballWriter,
  tarballMemoryBytes,
  type Download,
  type TarballWriter,
} from "../../admission/admission.ts";
import type { Spool } from "../../platform/blobs/spool.ts";
import type { Clock } from "../../platform/clock.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { createBase64Decoder, type Base64Decoder } from "./base64.ts";
import { createBodyScanner } from "./body-scanner.ts";
import { printable, type JsonObject } from "./json.ts";
import { pacedBody } from "./paced-body.ts";
import { parseDocument } from "./parse-document.ts";

/** A publish body as it came in: nothing in it is believed yet but that it is JSON. */
export interface PublishBody extends AsyncDisposable {
  /** Without the data of tarballs. */
  readonly document: JsonObject;
  readonly tarball: Upload | undefined;
}

export interface Upload {
  /** The name of its attachment. */
  readonly key: string;
  readonly bytes: Download;
}

export interface BodyLimits {
  readonly tarballBytes: number;
  /** Of the body without the tarball. */
  readonly documentBytes: number;
  /** What all bodies together may hold in memory. */
  readonly budget: ByteBudget;
}

/**
 * First step after authorisation: reads the body of a publish while it arrives. The tarball goes straight into memory
 * (1 MiB) or a spool file, hashed as it passes; of the rest at most `documentBytes` are held. What is in memory is taken
 * from the budget, as the sender's, until the body is disposed of.
 *
 * A crash leaves a spool file, removed at the next start. Throws BAD_REQUEST, BODY_TOO_LARGE, NOT_READY, and
 * REQUEST_TIMEOUT when nothing comes for 10 s.
 */
export async function readBody(
  { spool, clock }: { readonly spool: Spool; readonly clock: Pick<Clock, "sleep" | "monotonicMs"> },
  source: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
  sender: string,
): Promise<PublishBody> {
  let upload:
    | { readonly key: string; readonly writer: TarballWriter; readonly decoder: Base64Decoder; sizeBytes: number }
    | undefined;
  const share = limits.budget.open(sender);
  let inMemoryBytes = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (upload === undefined) return;
    upload.sizeBytes += bytes.byteLength;
    if (upload.sizeBytes > limits.tarballBytes)
      throw new AssayError("BODY_TOO_LARGE", { limitBytes: limits.tarballBytes });
    if (upload.sizeBytes <= tarballMemoryBytes) {
      share.take(bytes.byteLength);
      inMemoryBytes += bytes.byteLength;
    }
    if (bytes.byteLength > 0) await upload.writer.write(bytes);
    if (upload.sizeBytes <= tarballMemoryBytes) return;
    // It is in a file now.
    share.giveBack(inMemoryBytes);
    inMemoryBytes = 0;
  };
  const scanner = createBodyScanner({ restBytes: limits.documentBytes, keeps: share.take }, isTarball, {
    begin(key) {
      if (upload !== undefined) throw refused("it brings two tarballs");
      const writer = createTarballWriter(spool, limits.tarballBytes);
      upload = { key, writer, decoder: createBase64Decoder(printable(key)), sizeBytes: 0 };
    },
    async data(text) {
      if (upload !== undefined) await write(upload.decoder.push(text));
    },
    async end() {
      if (upload !== undefined) await write(upload.decoder.finish());
    },
  });
  try {
    for await (const chunk of pacedBody(clock, source, share.signal)) {
      share.arrived(chunk.byteLength);
      await scanner.push(chunk);
    }
    share.complete();
    const document = parseDocument(scanner.rest(), "its body");
    const bytes = await upload?.writer.finish();
    return {
      document,
      tarball: upload === undefined || bytes === undefined ? undefined : { key: upload.key, bytes },
      async [Symbol.asyncDispose]() {
        share[Symbol.dispose]();
        await bytes?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    share[Symbol.dispose]();
    await upload?.writer.discard();
    throw error;
  }
}

/** Everything but a signed bundle is bytes: an attachment under another name is refused later, and not held till then. */
function isTarball(key: string): boolean {
  return !key.endsWith(".sigstore");
}

function refused(reason: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason });
}
