import { createHash } from "node:crypto";
import {
  isAssayError,
  manifestDigest,
  manifestFragmentText,
  parseJson,
  type Integrity,
  type PackageName,
  type Version,
} from "@assay/core";
import { isWorkerLimit, type WorkerTask, type Workers } from "../platform/workers/workers.ts";
import { isJsonObject } from "./cut.ts";
import { ingest, RefusedDocument } from "./ingest.ts";

/** What is kept of a mirror's packument: what can be compared with other mirrors or with binds, and no more. */
export interface MirrorListing {
  readonly tags: Readonly<Record<string, Version>>;
  readonly versions: readonly MirrorVersion[];
}

export interface MirrorVersion {
  readonly version: Version;
  readonly integrity: Integrity;
  /** `sha256-<base64>` of the fragment. */
  readonly manifest: string;
  /** Canonical text of the manifest fragment. */
  readonly fragment: string;
  readonly publishedMs: number | undefined;
}

interface ListInput {
  readonly name: PackageName;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const task: WorkerTask<ListInput, MirrorListing | undefined> = { file: new URL(import.meta.url), name: "listMirror" };
/** Larger documents are read in a thread: smaller ones take less time than the way there. */
const inlineBytes = 256 * 1024;

/** Reads a mirror's packument where it stalls nobody; undefined when it is refused. The bytes are used up. */
export async function listSomewhere(
  { workers }: { readonly workers: Workers },
  input: ListInput,
): Promise<MirrorListing | undefined> {
  if (input.bytes.byteLength <= inlineBytes) return listMirror(input);
  try {
    return await workers.run(task, input, [input.bytes.buffer]);
  } catch (cause) {
    if (isWorkerLimit(cause)) return undefined;
    throw cause;
  }
}

/** The versions of a packument that have an integrity and a manifest that can be digested. Refused as `ingest` refuses. */
export function listMirror({ name, bytes }: ListInput): MirrorListing | undefined {
  try {
    const { tags, versions } = ingest(bytes, { name, source: "", upstreamUrl: "", fallbackModifiedMs: 0 });
    const taken = versions.flatMap(({ version, integrity, manifest, full, publishedMs }): MirrorVersion[] => {
      if (integrity === undefined || manifest === undefined) return [];
      const fragment = fragmentOf(full.text);
      // What was digested stands in the text still: cutting moves `dist` only.
      return fragment?.digest === manifest
        ? [{ version, integrity: integrity as Integrity, manifest, fragment: fragment.text, publishedMs }]
        : [];
    });
    return { tags, versions: taken };
  } catch (error) {
    if (error instanceof RefusedDocument) return undefined;
    throw error;
  }
}

function fragmentOf(manifestText: string): { readonly text: string; readonly digest: string } | undefined {
  const { value } = parseJson(manifestText);
  if (!isJsonObject(value)) return undefined;
  try {
    const text = manifestFragmentText(value);
    return { text, digest: manifestDigest((bytes) => createHash("sha256").update(bytes).digest(), text) };
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}
