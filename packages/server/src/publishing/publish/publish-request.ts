import { AssayError, parseVersion, sha512Of, unscopedName, type PackageName, type Version } from "@assay/core";
import type { Download } from "../../admission/admission.ts";
import { isJsonObject, printable, type JsonObject } from "./json.ts";
import type { PublishBody } from "./read-body.ts";

/** What somebody wants to publish, read from a body: one version of one package. */
export interface PublishRequest extends Described {
  readonly tarball: Download;
}

/** All that it says, without the bytes at hand. */
export interface Described {
  readonly name: PackageName;
  readonly version: Version;
  /** As sent; `latest` when none was. */
  readonly tags: readonly string[];
  readonly access: "public" | "restricted" | undefined;
  /** The version object as sent. */
  readonly manifest: JsonObject;
  readonly readme: string | undefined;
  readonly tarball: Pick<Download, "sizeBytes" | "integrity" | "sha1">;
  /** The signed bundle, and the media type that it was sent with. */
  readonly provenance: { readonly mediaType: string; readonly text: string } | undefined;
}

/** Clients send one. */
const mostTags = 5;

/**
 * Second step: the body says one thing only. The name in it is that of the path; there is one version, one tarball of
 * it, tags that point at it, digests that are those of the tarball. Pure. Throws BAD_REQUEST, BAD_VERSION.
 */
export function toPublishRequest({ document, tarball }: PublishBody, name: PackageName): PublishRequest {
  for (const member of ["name", "_id"] as const)
    if (document[member] !== undefined && document[member] !== name)
      throw refused(`its body is about ${shown(document[member])}, its path about ${name}`);
  const versions = Object.entries(objectOf(document["versions"], "versions"));
  const [entry] = versions;
  if (entry === undefined || versions.length > 1)
    throw refused(`it brings ${versions.length} versions; one is allowed`);
  const version = parseVersion(entry[0]);
  const manifest = objectOf(entry[1], `versions.${printable(version)}`);
  if (manifest["name"] !== name) throw refused(`its manifest is about ${shown(manifest["name"])}, not ${name}`);
  if (manifest["version"] !== version)
    throw refused(`its manifest is about version ${shown(manifest["version"])}, not ${printable(version)}`);
  const attachments = objectOf(document["_attachments"], "_attachments");
  return {
    name,
    version,
    tags: readTags(document["dist-tags"], version),
    access: readAccess(document["access"]),
    manifest,
    readme: readReadme(document, manifest),
    tarball: readTarball(attachments, tarball, name, version, manifest),
    provenance: readProvenance(attachments, name, version),
  };
}

function readTags(value: unknown, version: Version): readonly string[] {
  const tags = Object.entries(value === undefined ? {} : objectOf(value, "dist-tags"));
  if (tags.length > mostTags) throw refused(`it sets ${tags.length} tags; ${mostTags} are allowed`);
  for (const [tag, target] of tags)
    if (target !== version)
      throw refused(`the tag ${printable(tag)} points at ${shown(target)}, not at what is published`);
  return tags.length === 0 ? ["latest"] : tags.map(([tag]) => tag);
}

function readAccess(value: unknown): PublishRequest["access"] {
  if (value === undefined || value === null) return undefined;
  if (value === "public" || value === "restricted") return value;
  throw refused("its access is neither public nor restricted");
}

function readReadme(document: JsonObject, manifest: JsonObject): string | undefined {
  const readme = manifest["readme"] ?? document["readme"];
  return typeof readme === "string" && readme !== "" ? readme : undefined;
}

/** npm names an attachment by the whole name of the package, others leave the scope out. */
function keysOf(name: PackageName, version: Version, extension: string): readonly string[] {
  return [`${name}-${version}${extension}`, `${unscopedName(name)}-${version}${extension}`];
}

function readTarball(
  attachments: JsonObject,
  upload: PublishBody["tarball"],
  name: PackageName,
  version: Version,
  manifest: JsonObject,
): Download {
  const keys = Object.keys(attachments).filter((key) => !key.endsWith(".sigstore"));
  const [key] = keys;
  if (keys.length !== 1 || key === undefined) throw refused(`it brings ${keys.length} tarballs; one is needed`);
  if (!keysOf(name, version, ".tgz").includes(key))
    throw refused(`its tarball is called ${printable(key)}, not ${printable(`${name}-${version}.tgz`)}`);
  if (upload?.key !== key) throw refused("its tarball has no data");
  const { bytes } = upload;
  const { length } = objectOf(attachments[key], "the tarball's attachment");
  if (bytes.sizeBytes === 0) throw refused("its tarball is empty");
  if (length !== undefined && length !== bytes.sizeBytes)
    throw refused(`its tarball is declared with ${shown(length)} bytes and has ${bytes.sizeBytes}`);
  const { integrity, shasum } = manifest["dist"] === undefined ? {} : objectOf(manifest["dist"], "dist");
  if (integrity !== undefined) {
    const declared = typeof integrity === "string" ? sha512Of(integrity) : undefined;
    if (declared !== undefined && declared !== bytes.integrity)
      throw refused("its tarball is not the one that its dist.integrity says");
  }
  if (shasum !== undefined && (typeof shasum !== "string" || shasum.toLowerCase() !== bytes.sha1))
    throw refused("its tarball is not the one that its dist.shasum says");
  return bytes;
}

function readProvenance(attachments: JsonObject, name: PackageName, version: Version): PublishRequest["provenance"] {
  const keys = Object.keys(attachments).filter((key) => key.endsWith(".sigstore"));
  const [key] = keys;
  if (key === undefined) return undefined;
  if (keys.length > 1) throw refused("it brings two provenance bundles");
  if (!keysOf(name, version, ".sigstore").includes(key))
    throw refused(`its provenance bundle is called ${printable(key)}, not ${printable(`${name}-${version}.sigstore`)}`);
  const { content_type: mediaType, data } = objectOf(attachments[key], "the provenance attachment");
  if (typeof data !== "string" || data === "") throw refused("its provenance bundle has no data");
  if (typeof mediaType !== "string") throw refused("its provenance bundle has no content type");
  return { mediaType, text: data };
}

function objectOf(value: unknown, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw refused(`${what} is not a JSON object`);
}

function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? printable(String(value)) : typeof value;
}

function refused(reason: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason });
}
