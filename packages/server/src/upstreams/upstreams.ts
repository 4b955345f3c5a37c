import type { EpochMs, Integrity, PackageName, Version } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import type { UpstreamResponse } from "../platform/network/network.ts";
import type { SourceActivity } from "./activity.ts";
import type { Choices } from "./choices.ts";
import type { MirrorListing } from "./mirrored-listing.ts";
import type { TarballOffers } from "./offers.ts";
import type { Redirects } from "./redirects.ts";
import type { SourceChoice } from "./source-choice.ts";
import type { Standing } from "./standing.ts";
import type { UpstreamKeys } from "./upstream-keys.ts";

export { createUpstreams, type UpstreamsRoom } from "./room.ts";
export { hostedAlias, type HostedDocuments } from "./hosted.ts";
export { importAlias } from "./imported.ts";
export { upstreamMigrations } from "./migrations.ts";
export { createAuditing } from "./sources.ts";
export { keepingOwnNames, type OwnNames } from "./own-names.ts";
export { sourceChoiceRoutes } from "./routes-choice.ts";
export { chosenFirst, type SourceChoice } from "./source-choice.ts";
export { sourcePages } from "./routes-pages.ts";
export { assembleDocument, type AssembleInput, type Overlay } from "./assemble.ts";
export { cutTarball, fillText } from "./cut.ts";
export { DamagedParts, isLostParts, readListed, readPart } from "./parts.ts";
export { readPinnedKeys } from "./pinned-keys.ts";
export type { UpstreamKeys } from "./upstream-keys.ts";
export { networkFailure, worstOf, type TarballError } from "./tarball-failure.ts";
export { withParts } from "./with-parts.ts";
export type { MirrorListing } from "./mirrored-listing.ts";
export type { TarballOffer, TarballOffers } from "./offers.ts";

/** Listings that came with an import, for packages that no upstream served. */
export interface ImportedListings {
  /**
   * Keeps a packument, together with what earlier imports brought of the package. It shows where no registry owns the
   * name, and while its owner does not answer and never has. Throws UPSTREAM_BAD_ANSWER when it cannot be read.
   */
  keep(name: PackageName, document: Uint8Array): Promise<void>;
}

/** Who keeps something of what is listed, in the transactions in which it is remembered. */
export interface ListingWatch {
  /** Reads what it wants of the packument before the transaction; what it answers may run in more than one. */
  listed(packument: Packument): Promise<(transaction: Transaction) => Promise<void>>;
  /** The package is listed no more. */
  gone(transaction: Transaction, name: PackageName): Promise<void>;
}

/** Registries that own names, read through: fetching, remembering, revalidating. */
export interface Upstreams {
  /**
   * What the owner of the name lists, revalidated when older than `packuments.maxAgeSeconds`. One request
   * however many callers wait. What the owner has not is not there: nobody else is asked. A changed document is parsed once, in a worker, into `parts`.
   *
   * When the upstream fails, the last good document is answered with `stale` set. Throws NOT_FOUND
   * (remembered briefly), UPSTREAM_UNAVAILABLE, UPSTREAM_BAD_ANSWER.
   */
  packument(name: PackageName): Promise<Packument>;

  /**
   * As `packument`, but the owner is asked unless it was since this time, whatever `packuments.maxAgeSeconds` says. For
   * looking after what nobody asks for.
   */
  revalidate(name: PackageName, sinceMs: number): Promise<Packument>;

  /**
   * What a mirror lists of a package now; undefined when it is what was settled before in this process. It decides
   * nothing and is not stored. Throws NOT_FOUND, UPSTREAM_UNAVAILABLE, UPSTREAM_BAD_ANSWER.
   */
  mirrorListing(name: PackageName, mirror: string): Promise<HeardListing | undefined>;

  /** The packument when it is in memory and need not be revalidated yet; for answers without a wait. */
  fresh(name: PackageName): Packument | undefined;

  /** The packument as last stored, without asking upstream; undefined when none is stored. Sync when in memory. */
  stored(name: PackageName): Promise<Packument | undefined> | Packument | undefined;

  /**
   * The packument after its parts file was found missing or damaged: made again from the raw document, or fetched.
   * Use `withParts`. Throws what `packument` throws.
   */
  reload(packument: Packument): Promise<Packument>;

  /**
   * The sources of a version's tarball: its owner and the owner's mirrors that are not put aside, in the order that
   * `choose` says. The caller verifies every byte, says what became of each offer, and asks on until it has what is
   * right. Nobody is asked before `next`.
   */
  tarballs(request: TarballRequest): Promise<TarballOffers>;

  /** Who chose which sources. */
  readonly choices: Choices;

  /** Sources to which clients are sent for tarballs that are bound. */
  readonly redirects: Redirects;

  /** How sources behaved, and which of them are put aside. */
  readonly standing: Standing;

  /** Relays a small document of an upstream: its signing keys, advisories, attestations. Throws NetworkError. */
  relay(source: string, request: RelayRequest): Promise<UpstreamResponse>;

  /** Names with a stored listing that come after this one, in byte order, `size` at most. */
  known(after: string, size: number): Promise<readonly PackageName[]>;

  /** How many those are. */
  countKnown(): Promise<number>;

  /** Aliases of those that may have a name's bytes: its owner and the owner's mirrors. Empty without owner. */
  sourcesOf(name: PackageName): readonly string[];

  /** What this process saw a source do since it started. */
  activity(alias: string): SourceActivity;

  /** How many packages of each registry are known here, by alias. */
  packagesBySource(): Promise<ReadonlyMap<string, number>>;

  /** Who must say the same about the bytes of a name's versions before they are bound. */
  agreementOf(name: PackageName): Agreement;

  /**
   * What a registry lists of a package, whoever owns it: its versions with a sha512. Or why it cannot be read, in words
   * that follow its name. Nothing is remembered.
   */
  listingAt(alias: string, name: PackageName): Promise<ReadonlyMap<Version, Integrity> | string>;

  /** What is in memory about a name is another owner's by now. */
  ownerChanged(name: PackageName): void;

  /** Alias of the registry that owns a name; undefined when none does. Requests for a name go nowhere else. */
  ownerOf(name: PackageName): string | undefined;

  /** The registry that would own a name if it did not live here. Asked for nothing that names it. */
  ownerElsewhere(name: PackageName): string | undefined;

  /** True for a name that lives here: no upstream owns it. */
  isOwn(name: PackageName): boolean;

  /** Aliases of all registries, in the order of the configuration. */
  readonly registries: readonly string[];

  /** The signing keys of the registries. */
  readonly keys: UpstreamKeys;
}

export interface HeardListing extends MirrorListing {
  /** What follows from it is durable: it need not be sent again until it changes. */
  settle(): void;
}

export interface TarballRequest {
  readonly name: PackageName;
  readonly version: Version;
  /** As its owner lists it; undefined: the owner is asked at the canonical place, as its mirrors are. */
  readonly listed: ListedVersion | undefined;
  /** Nobody but the owner: what is listed does not tell its bytes from others. */
  readonly isOwnerOnly: boolean;
  /** Whom somebody wants to be asked first, or only. */
  readonly choice?: SourceChoice | undefined;
  /** True for sources that must not be asked. */
  readonly skip: (source: string) => boolean;
  readonly signal: AbortSignal;
}

/** How many operators must serve the same bytes, and who may be asked. */
export interface Agreement {
  /** 1: one source is enough. */
  readonly needed: number;
  /** The owner first, then its mirrors as configured; also those that are put aside. */
  readonly sources: readonly {
    readonly alias: string;
    /** Several sources of one operator count once. */
    readonly operator: string;
    readonly isOwner: boolean;
  }[];
}

export interface RelayRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
}

/** One stored upstream document. Small; the bytes are behind `parts`. */
export interface Packument {
  readonly name: PackageName;
  readonly source: string;
  /** sha256 hex of the raw upstream bytes; changes with every change upstream. */
  readonly digest: string;
  readonly checkedAtMs: EpochMs;
  /** Why an older document is served, or undefined when it is fresh. */
  readonly stale: string | undefined;
  /**
   * True when it does not hold all that the owner lists, but what its mirrors are good for: a tag that is not here
   * points nowhere, and is not put on another version.
   */
  readonly isPartial?: boolean;
  readonly modifiedMs: EpochMs;
  readonly tags: Readonly<Record<string, Version>>;
  readonly versions: ReadonlyMap<Version, ListedVersion>;
  /** File with the parts of the document, docs in parts.ts. */
  readonly partsPath: string;
}

export interface ListedVersion {
  readonly version: Version;
  readonly publishedMs: EpochMs | undefined;
  readonly integrity: Integrity | undefined;
  /** Lower-case hex, or undefined. */
  readonly shasum: string | undefined;
  /** `sha256-<base64>` of the canonical manifest fragment, or undefined when it is refused. */
  readonly manifest: string | undefined;
  /** The upstream's tarball URL as listed. */
  readonly tarball: string;
  /**
   * keyids of the listed signatures, in order; "" for an entry that names none, and 17 at most. Nothing is verified.
   */
  readonly keyids: readonly string[];
  readonly full: PartSpan;
  readonly abbreviated: PartSpan;
}

/**
 * Where a version's JSON object lies in the parts file: bytes [start, end), with the string value of
 * `dist.tarball` cut out at `tarballAt` (the quotes are kept, nothing stands between them). At
 * `attestationsAt` the base belongs in front of the path in `dist.attestations.url`; undefined when there is
 * no such path. At `signaturesAt` our signature belongs in.
 */
export interface PartSpan {
  readonly start: number;
  readonly attestationsAt: number | undefined;
  readonly signaturesAt: number;
  readonly tarballAt: number;
  readonly end: number;
}
