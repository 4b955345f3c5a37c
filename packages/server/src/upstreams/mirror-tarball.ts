import { tarballFileName, type PackageName, type Version } from "@assay/core";
import { NetworkError, type RequestOptions, type UpstreamResponse } from "../platform/network/network.ts";
import { isWorkerLimit, type WorkerTask, type Workers } from "../platform/workers/workers.ts";
import type { Fetched } from "./fetch.ts";
import type { Source } from "./sources.ts";

/** The path of a tarball below a registry's URL, as every npm client builds it. */
export function canonicalPath(name: PackageName, version: Version): string {
  return `/${name}/-/${tarballFileName(name, version)}`;
}

export interface MirrorRequest {
  readonly name: PackageName;
  readonly version: Version;
  /** Asks for the mirror's own packument. */
  readonly listing: () => Promise<Fetched>;
}

/**
 * Asks a mirror for a tarball: at the canonical place, and where it has nothing there, at the place that its own
 * packument names (the client lets only its own origin and listed hosts through). Throws NetworkError.
 */
export async function askMirror(
  deps: { readonly workers: Workers },
  { config, client }: Source,
  { name, version, listing }: MirrorRequest,
  options: RequestOptions,
): Promise<UpstreamResponse> {
  const answer = await client.request(canonicalPath(name, version), options);
  if (answer.status !== 404) return answer;
  const listed = await listing();
  if (listed.kind !== "document") return answer;
  let url: string | undefined;
  try {
    url = await findTarball(deps, listed.bytes, version);
  } finally {
    listed.release();
  }
  if (url === undefined || url === `${config.url}${canonicalPath(name, version)}`) return answer;
  answer.body.destroy();
  return await client.request(url, options);
}

interface FindInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly version: Version;
}

const task: WorkerTask<FindInput, string | undefined> = {
  file: new URL("./mirror-tarball.ts", import.meta.url),
  name: "tarballIn",
};

/** Larger documents are read in a thread: smaller ones take less time than the way there. */
const inlineBytes = 256 * 1024;

async function findTarball(
  { workers }: { readonly workers: Workers },
  bytes: Uint8Array<ArrayBuffer>,
  version: Version,
): Promise<string | undefined> {
  if (bytes.byteLength <= inlineBytes) return tarballIn({ bytes, version });
  try {
    return await workers.run(task, { bytes, version }, [bytes.buffer]);
  } catch (cause) {
    if (isWorkerLimit(cause)) throw new NetworkError("too-large", "its packument needs too much memory", { cause });
    throw cause;
  }
}

/** The absolute http(s) URL that a packument names for a version; undefined when it names none. Never throws. */
export function tarballIn({ bytes, version }: FindInput): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const versions = member(document, "versions");
  const tarball = member(member(member(versions, version), "dist"), "tarball");
  return typeof tarball === "string" && /^https?:\/\//.test(tarball) && URL.canParse(tarball) ? tarball : undefined;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
