import type { EpochMs, Integrity, LogIndex, PackageName, Version } from "@assay/core";

/** What a name@version is. */
export interface BindFacts {
  readonly name: PackageName;
  readonly version: Version;
  /** sha512 of the whole tarball. */
  readonly integrity: Integrity;
  /** `t1-<base64 sha256>` over the files, docs/formats/record.md. */
  readonly tree: string;
  /** `sha256-<base64>` of the canonical manifest fragment, docs/formats/manifest-digest.md. */
  readonly manifest: string;
  readonly sizeBytes: number;
  /** Operator alias of the upstream, or `hosted`. */
  readonly source: string;
  /** keyid of a registry signature that was verified, or `-`. */
  readonly signer: string;
  /** Where a followed log says the same: there, nothing is claimed without (`Checksums.ask`). */
  readonly logged?: LoggedRecords;
}

/** Proven records of a followed log that say what a version is: its bind, then what superseded it. */
export interface LoggedRecords {
  readonly origin: string;
  /** At least one; the last one says what the version is. */
  readonly records: readonly { readonly index: LogIndex; readonly text: string }[];
}

/** What stands for a version: its bind, or the newest record that superseded it. */
export interface Bind extends BindFacts {
  readonly claimedAtMs: EpochMs;
}

export interface SupersedeFacts extends BindFacts {
  /** The sequenced bind or supersede that it replaces. */
  readonly replaces: { readonly shard: string; readonly index: LogIndex };
  /** `sha256-<base64>` of the signed approval, docs/formats/approval.md. */
  readonly approval: string;
}

export interface ConflictFacts {
  readonly name: PackageName;
  readonly version: Version;
  readonly source: string;
  /** What was observed; `-` where it was not (metadata only). */
  readonly integrity: Integrity | "-";
  readonly tree: string;
  readonly manifest: string;
  /** `sha256-<base64>` of the stored evidence, or `-`. */
  readonly evidence: string;
  /** Whether the bytes were read, or only a listing. */
  readonly from: "bytes" | "listing";
}

export interface SightingFacts {
  readonly name: PackageName;
  readonly version: Version;
  readonly source: string;
  readonly atMs: EpochMs;
}

export interface SeenFacts {
  readonly name: PackageName;
  readonly version: Version;
  /** As listed; `-` where no sha512 is. */
  readonly integrity: Integrity | "-";
  readonly manifest: string;
  readonly source: string;
}

export interface ConfirmFacts {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
  readonly source: string;
}

export interface TagFacts {
  readonly name: PackageName;
  /** With the characters of a version; another tag cannot be recorded. */
  readonly tag: string;
  /** `-`: the tag is new. */
  readonly from: Version | "-";
  /** `-`: the tag was removed. */
  readonly to: Version | "-";
  readonly source: string;
  readonly atMs: EpochMs;
}

export interface DeprecateFacts {
  readonly name: PackageName;
  readonly version: Version;
  /** `sha256-<base64>` of the message in UTF-8; `-`: it is not deprecated any more. */
  readonly message: string;
  readonly source: string;
  readonly atMs: EpochMs;
}

export interface HeadFacts {
  readonly name: PackageName;
  /** `sha256-<base64>`, docs/formats/packument-digest.md. */
  readonly packument: string;
  readonly atMs: EpochMs;
}

export interface PolicyFacts {
  /** Whose; undefined: the registry's. */
  readonly organisation: string | undefined;
  /** `sha256-<base64>` of the whole set, docs/formats/record.md. */
  readonly policies: string;
  /** `sha256-<base64>` of a random identifier of who saved it, never of a name; `-`: the configuration. */
  readonly actor: string;
  readonly atMs: EpochMs;
}

export interface AuditFacts {
  /** Whose trail; undefined: the registry's. */
  readonly organisation: string | undefined;
  /** Acts in the trail, from 1. */
  readonly acts: number;
  /** `sha256-<base64>` of the hash chain after the last of them. */
  readonly chain: string;
}

export interface DelegateFacts {
  readonly name: PackageName;
  /** Aliases of the registries. */
  readonly from: string;
  readonly to: string;
  /** `sha256-<base64>` of the signed statement. */
  readonly statement: string;
}

export interface KeyFacts {
  readonly action: "add" | "retire";
  readonly use: "registry-signature" | "checkpoint";
  /** Alias of the registry that signs with it, or `hosted` for our own. */
  readonly owner: string;
  readonly keyid: string;
  /** `sha256-<base64>` of the SPKI in DER (`registry-signature`) or of the vkey (`checkpoint`). */
  readonly key: string;
}
