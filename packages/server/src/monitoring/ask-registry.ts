import { createHash } from "node:crypto";
import {
  AssayError,
  decodeUtf8,
  integrityFromSha512,
  isAssayError,
  isPlainObject,
  manifestDigest,
  manifestFragmentText,
  parseJson,
  sha512Of,
  tarballFileName,
  type Integrity,
  type PackageName,
} from "@assay/core";
import type { LookedUp, ServedRelease } from "@assay/verify";
import { NetworkError } from "../platform/network/network.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import { sha256 } from "./audit-tables.ts";

export interface AskDependencies {
  /** The registry or mirror; reaches its own host and those that were named for tarballs, nothing else. */
  readonly client: UpstreamClient;
  /** Its host, for sentences and records. */
  readonly registry: string;
}

const maxPackumentBytes = 64 * 1024 * 1024;

/** What a packument says of a release. */
export interface ListedRelease {
  readonly served: ServedRelease;
  /** Where the packument says that the tarball is. */
  readonly tarball: string;
}

/** What the packument says of the release; undefined when it does not list it. */
export async function askPackument(
  { client, registry }: AskDependencies,
  { record }: LookedUp,
  signal: AbortSignal,
): Promise<ListedRelease | undefined> {
  const response = await client.request(`/${record.name.replace("/", "%2f")}`, {
    headers: { accept: "application/json" },
    decode: true,
    maxBytes: maxPackumentBytes,
    signal,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk as Uint8Array);
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw badAnswer(registry, `its packument has status ${response.status}`);
  const manifest = manifestIn(registry, decodeUtf8(Buffer.concat(chunks)), record.version);
  if (manifest === undefined) return undefined;
  const { dist } = manifest;
  const listed = isPlainObject(dist) ? dist : {};
  const integrity = typeof listed["integrity"] === "string" ? sha512Of(listed["integrity"]) : undefined;
  const tarball = listed["tarball"];
  return {
    tarball: typeof tarball === "string" ? tarball : canonicalPath(record.name, record.version),
    served: {
      source: registry,
      // A registry that lists no sha512 says nothing about the bytes.
      integrity: integrity ?? record.integrity,
      tree: record.tree,
      manifest: digestOf(manifest),
      size: record.size,
    },
  };
}

/** `-` for what no client could read. */
function digestOf(manifest: object): string {
  try {
    return manifestDigest(sha256, manifestFragmentText(manifest));
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return "-";
    throw error;
  }
}

function manifestIn(registry: string, text: string, version: string): Record<string, unknown> | undefined {
  try {
    const { value } = parseJson(text);
    const versions = isPlainObject(value) ? value["versions"] : undefined;
    const manifest = isPlainObject(versions) && Object.hasOwn(versions, version) ? versions[version] : undefined;
    return isPlainObject(manifest) ? manifest : undefined;
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    throw badAnswer(registry, "its packument is no JSON", error);
  }
}

/** The digest and size of the tarball as it is served; undefined when it cannot be had. */
export async function askTarball(
  deps: AskDependencies,
  { record }: LookedUp,
  url: string,
  signal: AbortSignal,
): Promise<ServedRelease | undefined> {
  const maxBytes = Math.max(record.size * 2, 1_048_576);
  let found;
  try {
    found = await digestTarball(deps, [url, canonicalPath(record.name, record.version)], maxBytes, signal);
  } catch (error) {
    // More bytes than were bound are other bytes, whatever they are.
    if (!isNetworkError(error, "too-large")) throw error;
    found = { integrity: "-", size: maxBytes };
  }
  if (found === undefined) return undefined;
  const tree = found.integrity === record.integrity ? record.tree : "-";
  return { source: deps.registry, ...found, tree, manifest: record.manifest };
}

async function digestTarball(
  { client }: AskDependencies,
  [listed, canonical]: readonly [listed: string, canonical: string],
  maxBytes: number,
  signal: AbortSignal,
): Promise<{ readonly integrity: Integrity; readonly size: number } | undefined> {
  const options = { decode: false, maxBytes, signal };
  const response = await client.request(listed, options).catch((error: unknown) => {
    // Somewhere that was not named: the registry's own place for it is asked instead.
    const isElsewhere = isNetworkError(error, "forbidden-host") || isNetworkError(error, "forbidden-address");
    if (!isElsewhere) throw error;
    return client.request(canonical, options);
  });
  if (response.status !== 200) {
    response.body.destroy();
    return undefined;
  }
  const sha512 = createHash("sha512");
  let size = 0;
  for await (const chunk of response.body) {
    sha512.update(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
  }
  return { integrity: integrityFromSha512(sha512.digest()), size };
}

function isNetworkError(error: unknown, reason: NetworkError["reason"]): boolean {
  return error instanceof NetworkError && error.reason === reason;
}

function canonicalPath(name: PackageName, version: LookedUp["record"]["version"]): string {
  return `/${name}/-/${tarballFileName(name, version)}`;
}

function badAnswer(registry: string, reason: string, cause?: unknown): AssayError<"UPSTREAM_BAD_ANSWER"> {
  return new AssayError("UPSTREAM_BAD_ANSWER", { source: registry, reason }, { cause });
}
