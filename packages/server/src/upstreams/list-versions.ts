import { parseIntegrity, type Integrity, type PackageName, type Version } from "@assay/core";
import { isWorkerLimit, type WorkerTask, type Workers } from "../platform/workers/workers.ts";
import type { Fetched } from "./fetch.ts";
import { ingest, RefusedDocument, type IngestInput } from "./ingest.ts";
import type { Source } from "./sources.ts";

export interface ListInput extends IngestInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Listed =
  | { readonly kind: "listed"; readonly versions: ReadonlyMap<Version, Integrity> }
  | { readonly kind: "refused"; readonly reason: string };

const task: WorkerTask<ListInput, Listed> = { file: new URL("./list-versions.ts", import.meta.url), name: "list" };

/** Larger documents are read in a thread: smaller ones take less time than the way there. */
const inlineBytes = 256 * 1024;

/** `list` where it stalls nobody. The bytes are used up. */
export async function listSomewhere(deps: { readonly workers: Workers }, input: ListInput): Promise<Listed> {
  if (input.bytes.byteLength <= inlineBytes) return list(input);
  try {
    return await deps.workers.run(task, input, [input.bytes.buffer]);
  } catch (cause) {
    if (isWorkerLimit(cause)) return { kind: "refused", reason: "it needs too much memory" };
    throw cause;
  }
}

/** The versions that a raw document lists with a sha512; others are left out, since nothing says what was examined. */
export function list(input: ListInput): Listed {
  try {
    const { versions } = ingest(input.bytes, input);
    return {
      kind: "listed",
      versions: new Map(
        versions.flatMap(({ version, integrity }) =>
          integrity === undefined ? [] : [[version, parseIntegrity(integrity)] as const],
        ),
      ),
    };
  } catch (error) {
    if (error instanceof RefusedDocument) return { kind: "refused", reason: error.message };
    throw error;
  }
}

/** `Upstreams.listingAt`. Throws only for faults of our own. */
export async function listingAt(
  deps: {
    readonly workers: Workers;
    readonly ask: (source: Source, name: PackageName, validators: undefined) => Promise<Fetched>;
  },
  source: Source,
  name: PackageName,
): Promise<ReadonlyMap<Version, Integrity> | string> {
  const fetched = await deps.ask(source, name, undefined);
  if (fetched.kind === "missing") return "does not have it";
  if (fetched.kind !== "document")
    return `cannot be read: ${fetched.kind === "failed" ? fetched.reason : "it answered 304 to an unconditional request"}`;
  try {
    const input = { name, source: source.config.name, upstreamUrl: source.config.url, fallbackModifiedMs: 0 };
    const listed = await listSomewhere(deps, { ...input, bytes: fetched.bytes });
    return listed.kind === "listed" ? listed.versions : `cannot be read: ${listed.reason}`;
  } finally {
    fetched.release();
  }
}
