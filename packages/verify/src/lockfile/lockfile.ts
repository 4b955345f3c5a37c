import type { Integrity, PackageName, Version } from "@assay/core";

/** The package managers whose lockfiles are read. */
export type LockfileClient = "npm" | "pnpm" | "yarn" | "bun" | "deno" | "vlt";

/** What a lockfile asks to be installed, whichever tool wrote it: the input of `verifyLockfile`. */
export interface Lockfile {
  readonly client: LockfileClient;
  /** The tool and version of the format: `npm 3`, `yarn berry 8`. */
  readonly format: string;
  /** What can be held against the log, in file order. One package stands here once for each place it is installed at. */
  readonly packages: readonly LockedPackage[];
  /** What the lockfile names, but does not pin to the bytes of a tarball: Yarn Berry's entries. */
  readonly unpinned: readonly UnpinnedPackage[];
  /** What cannot be held against the log, with the reason. */
  readonly unverifiable: readonly UnverifiablePackage[];
  /** What has no bytes of its own. */
  readonly skipped: SkippedCounts;
}

/** One package of a lockfile with the sha512 of its tarball. */
export interface LockedPackage {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
  /** Where in the lockfile: `node_modules/a/node_modules/b`. Printable. */
  readonly path: string;
}

/** One registry package of which the lockfile knows no digest of the tarball. */
export interface UnpinnedPackage {
  readonly name: PackageName;
  readonly version: Version;
  readonly path: string;
  /** Where the client fetches it from instead of the registry's usual place; undefined: the usual place. Printable. */
  readonly archiveUrl: string | undefined;
}

/** One package that the log says nothing about, or that the lockfile does not pin to bytes. */
export interface UnverifiablePackage {
  /** As the lockfile has it; not checked, but printable. */
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly reason: UnverifiableReason;
}

/**
 * `git`, `file`, `url`, `jsr`, `remote-module`, `foreign`, `foreign-archive`: comes from outside the registry. `no-integrity`: nothing
 * pins its bytes. `weak-integrity`: sha1, sha256 or sha384 only. `ambiguous-integrity`: several digests, of which a
 * client takes any. `bad-integrity`, `bad-name`, `no-version`: not readable. `orphan-bundled`, `orphan-patch`: said to
 * be inside, or made from, another package, but there is none.
 */
export type UnverifiableReason =
  | "git"
  | "file"
  | "url"
  | "jsr"
  | "remote-module"
  | "foreign"
  | "foreign-archive"
  | "no-integrity"
  | "weak-integrity"
  | "ambiguous-integrity"
  | "bad-integrity"
  | "bad-name"
  | "no-version"
  | "orphan-bundled"
  | "orphan-patch";

/** The sentence of a reason, for people: what is wrong and what to do. */
export const unverifiableSentences: Readonly<Record<UnverifiableReason, string>> = {
  git: "comes from git; the log binds registry tarballs only",
  file: "comes from a local tarball; the log binds registry tarballs only",
  url: "comes from a URL that is no registry's; the log binds registry tarballs only",
  jsr: "comes from JSR, whose packages no log binds",
  "remote-module": "is a module fetched by URL; the log binds registry tarballs only",
  foreign: "comes from a kind of source that is not known here; the log binds registry tarballs only",
  "foreign-archive": "is fetched from another place than the registry, and no digest of it is locked",
  "no-integrity": "has no integrity; let the client write it again from a registry that lists one",
  "weak-integrity": "has no sha512; let the client write it again from a registry that lists one",
  "ambiguous-integrity": "has several sha512 digests, and a client would take any of them; keep one",
  "bad-integrity": "has an integrity that is malformed",
  "bad-name": "has a name or version that no registry package can have",
  "no-version": "has no version",
  "orphan-bundled": "is said to be bundled, but no package around it could hold it",
  "orphan-patch": "is a patched package, but what it was made from is not in the lockfile",
};

/** Entries without bytes of their own. */
export interface SkippedCounts {
  /** Inside the tarball of another package: counted with it. */
  readonly bundled: number;
  /** Links to folders outside the lockfile's care. */
  readonly links: number;
  /** Folders of the same project: workspaces. */
  readonly folders: number;
  /** Made from another entry of the lockfile by a patch of the project: counted with it. */
  readonly patched: number;
}
