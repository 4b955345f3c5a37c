import { createHash } from "node:crypto";
import { manifestDigest, manifestFragmentText, tarballFileName } from "@assay/core";
import { digestOfListed, sha256 } from "../changes/version-digest.ts";
import type { AcceptedArchive } from "./inspect.ts";
import type { Provenance } from "./provenance.ts";
import type { Described } from "./publish-request.ts";

/** Members of a sent manifest that are the registry's to say, or say where the publisher's disk is. */
const notTaken: ReadonlySet<string> = new Set([
  "readme",
  "dist",
  "deprecated",
  "maintainers",
  "users",
  "time",
  "hasInstallScript",
  "gypfile",
  "_hasShrinkwrap",
  "_npmUser",
  "_npmOperationalInternal",
  "_attachments",
  "_integrity",
  "_resolved",
  "_from",
  "_where",
  "_args",
  "_requested",
  "_rev",
  "_id",
  "_shasum",
]);

/** `_npmUser` as npm writes it: clients rank how far a publisher can be trusted by it. */
export interface Publisher {
  readonly name: string;
  readonly email: string;
  readonly trustedPublisher?: { readonly id: string; readonly oidcConfigId: string };
  readonly approver?: { readonly name: string; readonly email: string };
}

/** What a version says of people. It gives nobody a right: owners stand in the document, and are the organisation's to say. */
export interface SaidOfPeople {
  /** `_npmUser`; undefined: nobody says. */
  readonly publisher: Publisher | undefined;
  /** Of a version that comes from elsewhere: the names of who maintained it there. */
  readonly maintainers?: readonly string[] | undefined;
}

/** A version as it will be listed. */
export interface ListedManifest {
  /** JSON of the version object, without a tarball's URL that means anything. */
  readonly text: string;
  /** Canonical text and digest of its fragment. */
  readonly fragment: string;
  readonly manifest: string;
  /** docs/formats/packument-digest.md, of the version. */
  readonly digest: string;
}

/**
 * The version object that documents will show, from the sent one and what was found in the archive. Pure. Throws
 * BAD_FORMAT for text that is no Unicode.
 */
export function listManifest(
  request: Described,
  archive: AcceptedArchive,
  provenance: Provenance | undefined,
  { publisher, maintainers = [] }: SaidOfPeople,
): ListedManifest {
  const { name, version, manifest: sent, tarball } = request;
  const kept = Object.fromEntries(Object.entries(sent).filter(([member]) => !notTaken.has(member)));
  const listed = {
    ...kept,
    ...(archive.hasGypFile ? { gypfile: true } : {}),
    ...(archive.hasShrinkwrap ? { _hasShrinkwrap: true } : {}),
    _id: `${name}@${version}`,
    ...(publisher === undefined ? {} : { _npmUser: publisher }),
    ...(maintainers.length === 0 ? {} : { maintainers: maintainers.map((person) => ({ name: person, email: "" })) }),
    dist: {
      integrity: tarball.integrity,
      shasum: tarball.sha1,
      fileCount: archive.fileCount,
      unpackedSize: archive.unpackedBytes,
      ...(provenance === undefined
        ? {}
        : {
            attestations: {
              url: `/-/npm/v1/attestations/${name.replace("/", "%2f")}@${version}`,
              provenance: { predicateType: provenance.predicateType },
            },
          }),
      // A document has the place where it is asked for instead.
      tarball: `/${name}/-/${tarballFileName(name, version)}`,
    },
  };
  const fragment = manifestFragmentText(listed);
  const manifest = manifestDigest(sha256, fragment);
  const text = JSON.stringify(listed);
  return { text, fragment, manifest, digest: digestOfListed(text, null) };
}

/** sha256 hex of everything that a publish says, but who says it. */
export function contentDigest({ tarball, tags, manifest, readme, provenance }: Described): string {
  const said = [tarball.integrity, tags.toSorted(), manifest, readme ?? null, provenance?.text ?? null];
  return createHash("sha256").update(JSON.stringify(said)).digest("hex");
}
