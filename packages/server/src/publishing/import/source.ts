import type { EpochMs, Integrity, NamePattern, PackageName, Version } from "@assay/core";
import type { JsonObject } from "../publish/json.ts";

/** Another registry, or what one left behind, whose packages move here. */
export interface ImportSource {
  /** For people, and behind `import:` as who published: `verdaccio`, `https://registry.example.com`. */
  readonly label: string;
  /** The packages there that the patterns cover, each once; without patterns all that were published there. Throws USAGE. */
  names(patterns: readonly NamePattern[]): Promise<readonly PackageName[]>;
  /** What it says of a package now. Throws NOT_FOUND, BAD_REQUEST, UNAUTHORIZED, UPSTREAM_BAD_ANSWER, NetworkError. */
  read(name: PackageName): Promise<SourcePackage>;
  /** The bytes that it has of a version. Throws NOT_FOUND, and while they come NetworkError. */
  tarball(name: PackageName, version: SourceVersion): Promise<AsyncIterable<Uint8Array>>;
  /**
   * The bundles of its attestations, as they came; none where it keeps none. Throws UNAUTHORIZED, BAD_REQUEST,
   * UPSTREAM_BAD_ANSWER, NetworkError.
   */
  attestations(name: PackageName, version: SourceVersion): Promise<readonly JsonObject[]>;
}

export interface SourcePackage {
  readonly name: PackageName;
  /** Tag and what it points at, as it stands there. */
  readonly tags: ReadonlyMap<string, string>;
  /** In the order of their publishing. */
  readonly versions: readonly SourceVersion[];
  /** Keys of `versions` that nobody can take, and why. */
  readonly unreadable: readonly { readonly version: string; readonly reason: string }[];
}

export interface SourceVersion {
  readonly version: Version;
  /** The version object. */
  readonly manifest: JsonObject;
  readonly readme: string | undefined;
  readonly integrity: Integrity | undefined;
  /** Lower-case hex. */
  readonly sha1: string | undefined;
  /** Undefined: it does not say. */
  readonly publishedAtMs: EpochMs | undefined;
  readonly deprecated: string | null;
  /** The name in `_npmUser`. */
  readonly publisher: string | undefined;
  /** Names of who maintains it there, each once. */
  readonly maintainers: readonly string[];
  /** Whether it says that it has attestations (`dist.attestations`). */
  readonly isAttested: boolean;
  /** `dist.tarball`. */
  readonly tarball: string | undefined;
}
