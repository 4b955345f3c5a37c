import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import {
  AssayError,
  decodeUtf8,
  integrityFromSha512,
  isAssayError,
  parseJson,
  parsePackageName,
  parseVersion,
  type Integrity,
  type PackageName,
} from "@assay/core";
import type { Config } from "../../config/config.ts";
import { hostedSaidOf } from "../../identity/identity.ts";
import { readPackageJson } from "../../admission/inspect-archive.ts";
import type { BlobSource } from "../../platform/blobs/blobs.ts";
import type { Workers } from "../../platform/workers/workers.ts";
import { createContentRules } from "../publish/content-rules.ts";
import { inspectAll } from "../publish/inspect.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import type { ProvenancePolicy } from "../publish/provenance.ts";
import { complaintsAbout, type Complaint } from "../publish/validate.ts";

export interface CheckedTarball {
  /** As the manifest says, whatever that is. */
  readonly name: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly integrity: Integrity;
  /** Undefined when the archive cannot be read. */
  readonly contents: { readonly files: number; readonly unpackedBytes: number } | undefined;
  /** Whether versions of this name need a provenance statement, which no tarball has. */
  readonly provenance: ProvenancePolicy;
  /** What a publish would be refused for, what it would hear first at the head. */
  readonly complaints: readonly Complaint[];
}

/** Tarballs up to this size are held in memory, as they are when they are published. */
const memoryBytes = 1024 * 1024;

/**
 * Runs the steps of a publish over a tarball, as far as they need no server: all but who may, and whether the number is
 * free. `manifest` is what a client would send; undefined: the package.json in the archive. Changes nothing. Throws what
 * the file system throws.
 */
export async function checkTarball(
  deps: { readonly workers: Workers },
  { path, manifest: given, tag }: { readonly path: string; readonly manifest: unknown; readonly tag: string },
  config: Pick<Config, "limits" | "publish" | "hosted" | "upstreams">,
): Promise<CheckedTarball> {
  const { limits, publish } = config;
  const { size: sizeBytes } = await stat(path);
  const integrity = await integrityOf(path);
  const complaints: Complaint[] = [];
  // A text that is no name is under no pattern that decides anything.
  const rulesFor = (name: unknown) =>
    createContentRules(publish, (of) => hostedSaidOf(config, of))(textOf(name, "") as PackageName);
  const answer = (manifest: JsonObject, contents?: CheckedTarball["contents"]): CheckedTarball => ({
    name: textOf(manifest["name"], basename(path)),
    version: textOf(manifest["version"], "unknown"),
    sizeBytes,
    integrity,
    contents,
    provenance: rulesFor(manifest["name"]).provenance,
    complaints,
  });
  const manifestHere = isJsonObject(given) ? given : {};
  if (sizeBytes > limits.tarballBytes) {
    const error = new AssayError("BODY_TOO_LARGE", { limitBytes: limits.tarballBytes });
    complaints.push({ rule: "publish/size", error });
    return answer(manifestHere);
  }
  if (sizeBytes === 0) {
    complaints.push({ rule: "publish/empty", error: refused("its tarball is empty") });
    return answer(manifestHere);
  }
  const blob: BlobSource = sizeBytes <= memoryBytes ? new Uint8Array(await readFile(path)) : { path };
  const archiveLimits = { unpackedBytes: limits.unpackedBytes, entries: limits.archiveEntries };
  const manifest = given ?? (await manifestIn({ source: blob, sizeBytes, limits: archiveLimits }, path, complaints));
  if (!isJsonObject(manifest)) {
    if (complaints.length === 0)
      complaints.push({ rule: "manifest/not-json", error: refused("its package.json is not a JSON object") });
    return answer({});
  }
  const named = nameAndVersion(manifest, complaints);
  if (named === undefined) return answer(manifest);
  const { name, version } = named;
  complaints.push(...complaintsAbout({ name, version, tags: [tag], manifest }, publish.upperCaseNames));
  try {
    const examined = await inspectAll(
      deps,
      { name, version, manifest, tarball: { blob, sizeBytes } },
      archiveLimits,
      rulesFor(name).allowsSecret,
    );
    complaints.push(...examined.complaints);
    const { fileCount: files, unpackedBytes } = examined.archive;
    return answer(manifest, { files, unpackedBytes });
  } catch (error) {
    if (!isAssayError(error, "BLOCKED")) throw error;
    complaints.push({ rule: error.details.rule, error });
    return answer(manifest);
  }
}

async function manifestIn(
  input: Parameters<typeof readPackageJson>[0],
  path: string,
  complaints: Complaint[],
): Promise<unknown> {
  const read = await readPackageJson(input);
  if ("bytes" in read) {
    try {
      return parseJson(decodeUtf8(read.bytes)).value;
    } catch (error) {
      if (!isAssayError(error, "BAD_FORMAT")) throw error;
      return undefined;
    }
  }
  const { rule, reason } = read;
  const error = new AssayError("BLOCKED", { name: basename(path), version: "unknown", rule, reason });
  complaints.push({ rule, error });
  return undefined;
}

function nameAndVersion(manifest: JsonObject, complaints: Complaint[]) {
  try {
    return {
      name: parsePackageName(textOf(manifest["name"], "")),
      version: parseVersion(textOf(manifest["version"], "")),
    };
  } catch (error) {
    if (!isAssayError(error, "BAD_NAME") && !isAssayError(error, "BAD_VERSION")) throw error;
    complaints.push({ rule: isAssayError(error, "BAD_NAME") ? "publish/name" : "publish/version", error });
    return undefined;
  }
}

async function integrityOf(path: string): Promise<Integrity> {
  const sha512 = createHash("sha512");
  for await (const chunk of createReadStream(path)) sha512.update(chunk as Uint8Array);
  return integrityFromSha512(sha512.digest());
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function refused(reason: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason });
}
