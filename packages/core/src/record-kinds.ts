import { parseIntegrity } from "./integrity.ts";
import { parsePackageName, parseVersion } from "./names.ts";
import type { Integrity, LogIndex, PackageName, Version } from "./names.ts";
import {
  oneOf,
  orNone,
  parseDigest,
  parseHash,
  parseIndex,
  parseKeyName,
  parseKeyid,
  parseNamespace,
  parseNonce,
  parsePositive,
  parseSeconds,
  parseSize,
  parseSource,
  parseTag,
} from "./record-fields.ts";
import type { FieldParser } from "./record-fields.ts";

/** What every known record says about where it stands. Field names are those on the wire; `-` means none. */
interface RecordPlace {
  /** Event number within this package, from 1. */
  readonly seq: number;
  /** Index of this package's previous record in the shard. */
  readonly prev: LogIndex | "-";
  /** Whole seconds since 1970, as the log claims. */
  readonly time: number;
  /** Base64 of 16 random bytes in private logs. */
  readonly nonce: string;
}

/** Which package a record is about. */
interface PackageSubject {
  /** The naming authority, `npm` for the public namespace. */
  readonly ns: string;
  readonly name: PackageName;
}

/** Which release a record is about. */
interface ReleaseSubject extends PackageSubject {
  readonly version: Version;
}

/** What a name@version is, as far as a log fixes it. */
interface ReleaseContent {
  readonly integrity: Integrity;
  /** `t1-<base64>`, docs/formats/tree-digest.md. */
  readonly tree: string;
  /** `sha256-<base64>`, docs/formats/manifest-digest.md. */
  readonly manifest: string;
  /** Bytes of the tarball. */
  readonly size: number;
  /** Operator alias of the upstream, or `hosted`. */
  readonly source: string;
  /** keyid of the registry signature that was verified, or `-`. */
  readonly signer: string;
}

/** Fixes what a name@version is, once and for ever. */
export interface BindRecord extends ReleaseSubject, ReleaseContent, RecordPlace {
  readonly kind: "bind";
}

/** Replaces a wrong bind, or the supersede that replaced it. Approved by people. */
export interface SupersedeRecord extends ReleaseSubject, ReleaseContent, RecordPlace {
  readonly kind: "supersede";
  /** Index of the bind or supersede that it replaces, docs/formats/record.md. */
  readonly supersedes: LogIndex;
  /** `sha256-<base64>` of the signed approval statement, docs/formats/approval.md. */
  readonly approval: string;
}

/** A version was sighted in a packument. Says what a source listed, not what the version is; not unique. */
export interface SeenRecord extends ReleaseSubject, RecordPlace {
  readonly kind: "seen";
  /** As listed; `-` where the source listed no sha512. */
  readonly integrity: Integrity | "-";
  readonly manifest: string;
  readonly source: string;
}

/** Another source served the bound bytes. */
export interface ConfirmRecord extends ReleaseSubject, RecordPlace {
  readonly kind: "confirm";
  readonly integrity: Integrity;
  readonly source: string;
}

/** A source served something else than what is bound. `-` where it was not observed. */
export interface ConflictRecord extends ReleaseSubject, RecordPlace {
  readonly kind: "conflict";
  readonly integrity: Integrity | "-";
  readonly tree: string;
  readonly manifest: string;
  readonly source: string;
  /** `sha256-<base64>` of the stored evidence, or `-`. */
  readonly evidence: string;
}

/** A source stopped (`gone`) or again started (`back`) listing a bound version. */
export interface SightingRecord extends ReleaseSubject, RecordPlace {
  readonly kind: "gone" | "back";
  readonly source: string;
}

/** A dist-tag moved. */
export interface TagRecord extends PackageSubject, RecordPlace {
  readonly kind: "tag";
  readonly tag: string;
  /** `-`: the tag is new. */
  readonly from: Version | "-";
  /** `-`: the tag was removed. */
  readonly to: Version | "-";
  readonly source: string;
}

/** A hosted version was deprecated, or no longer is. */
export interface DeprecateRecord extends ReleaseSubject, RecordPlace {
  readonly kind: "deprecate";
  /** `sha256-<base64>` of the message in UTF-8; `-`: it is not deprecated any more. */
  readonly message: string;
  readonly source: string;
}

/** What a package as a whole is after a change: who was shown an older or another state can prove it. */
export interface HeadRecord extends PackageSubject, RecordPlace {
  readonly kind: "head";
  /** `sha256-<base64>`, docs/formats/packument-digest.md. */
  readonly packument: string;
}

/** The owner of a name signed that the name now lives at another registry. */
export interface DelegateRecord extends PackageSubject, RecordPlace {
  readonly kind: "delegate";
  readonly from: string;
  readonly to: string;
  /** `sha256-<base64>` of the signed statement. */
  readonly statement: string;
}

/** Links two shards of a log. */
export interface ShardRecord extends RecordPlace {
  readonly kind: "shard";
  readonly ns: string;
  /** What the shard that is named is to the one that holds this record. */
  readonly side: "predecessor" | "successor";
  readonly origin: string;
  /** Size and root of the shard that is named: final for a predecessor, of the empty tree for a successor. */
  readonly size: number;
  /** Base64 of 32 bytes, as in a checkpoint. */
  readonly root: string;
}

/** A key came into use or went out of it. */
export interface KeyRecord extends RecordPlace {
  readonly kind: "key";
  readonly ns: string;
  readonly action: "add" | "retire";
  readonly use: "registry-signature" | "checkpoint";
  /** Alias of the registry that signs with it, or `hosted` for our own. */
  readonly owner: string;
  readonly keyid: string;
  /** `sha256-<base64>` of the SPKI in DER (`registry-signature`) or of the vkey (`checkpoint`). */
  readonly key: string;
}

/** Other policies came into force. */
export interface PolicyRecord extends RecordPlace {
  readonly kind: "policy";
  readonly ns: string;
  /** `sha256-<base64>` of the whole set, docs/formats/record.md. */
  readonly policies: string;
  /** `sha256-<base64>` of an identifier of who saved it that cannot be guessed; `-`: it came from the configuration. */
  readonly actor: string;
}

/** How far an audit trail had come: nothing before it can be changed or left out any more. */
export interface AuditRecord extends RecordPlace {
  readonly kind: "audit";
  readonly ns: string;
  /** Number of acts in the trail. */
  readonly acts: number;
  /** `sha256-<base64>` of the hash chain after the last of them. */
  readonly chain: string;
}

export type KnownRecord =
  | BindRecord
  | SupersedeRecord
  | SeenRecord
  | ConfirmRecord
  | ConflictRecord
  | SightingRecord
  | TagRecord
  | DeprecateRecord
  | HeadRecord
  | DelegateRecord
  | ShardRecord
  | KeyRecord
  | PolicyRecord
  | AuditRecord;

export type RecordKind = KnownRecord["kind"];

/** The record of a kind. */
export type RecordOf<Kind extends RecordKind, Known = KnownRecord> = Known extends { readonly kind: infer Kinds }
  ? Kind extends Kinds
    ? Known
    : never
  : never;

type FieldsOf<Kind extends RecordKind> = {
  readonly [Field in Exclude<keyof RecordOf<Kind>, "kind">]: FieldParser<RecordOf<Kind>[Field]>;
};

const packageSubject = { ns: parseNamespace, name: parsePackageName };
const releaseSubject = { ...packageSubject, version: parseVersion };
const sha256 = parseDigest("sha256-");
const tree = parseDigest("t1-");
const releaseContent = {
  integrity: parseIntegrity,
  tree,
  manifest: sha256,
  size: parseSize,
  source: parseSource,
  signer: orNone(parseKeyid),
};
const place = {
  seq: parsePositive,
  prev: orNone(parseIndex),
  time: parseSeconds,
  nonce: orNone(parseNonce),
};
const sighting = { ...releaseSubject, source: parseSource, ...place };

/** The fields of each kind, in their order on the wire. Spec: docs/formats/record.md. */
export const recordFields: { readonly [Kind in RecordKind]: FieldsOf<Kind> } = {
  bind: { ...releaseSubject, ...releaseContent, ...place },
  supersede: { ...releaseSubject, ...releaseContent, supersedes: parseIndex, approval: sha256, ...place },
  seen: { ...releaseSubject, integrity: orNone(parseIntegrity), manifest: sha256, source: parseSource, ...place },
  confirm: { ...releaseSubject, integrity: parseIntegrity, source: parseSource, ...place },
  conflict: {
    ...releaseSubject,
    integrity: orNone(parseIntegrity),
    tree: orNone(tree),
    manifest: orNone(sha256),
    source: parseSource,
    evidence: orNone(sha256),
    ...place,
  },
  gone: sighting,
  back: sighting,
  tag: {
    ...packageSubject,
    tag: parseTag,
    from: orNone(parseVersion),
    to: orNone(parseVersion),
    source: parseSource,
    ...place,
  },
  deprecate: { ...releaseSubject, message: orNone(sha256), source: parseSource, ...place },
  head: { ...packageSubject, packument: sha256, ...place },
  delegate: { ...packageSubject, from: parseSource, to: parseSource, statement: sha256, ...place },
  shard: {
    ns: parseNamespace,
    side: oneOf("predecessor", "successor"),
    origin: parseKeyName,
    size: parseSize,
    root: parseHash,
    ...place,
  },
  key: {
    ns: parseNamespace,
    action: oneOf("add", "retire"),
    use: oneOf("registry-signature", "checkpoint"),
    owner: parseSource,
    keyid: parseKeyid,
    key: sha256,
    ...place,
  },
  policy: { ns: parseNamespace, policies: sha256, actor: orNone(sha256), ...place },
  audit: { ns: parseNamespace, acts: parsePositive, chain: sha256, ...place },
};

/** The package whose chain of `seq` and `prev` a record is in; "" is the chain of the log itself. */
export function packageOf(record: KnownRecord): PackageName | "" {
  return "name" in record ? record.name : "";
}
