import type { Integrity, PackageName, Version } from "@assay/core";

/** What a lockfile asks to be installed, whichever tool wrote it: the input of `verifyLockfile`. */
export interface Lockfile {
  /** The tool and version of the format: `npm 3`. */
  readonly format: string;
  /** What can be held against the log, in file order. One package stands here once for each place it is installed at. */
  readonly packages: readonly LockedPackage[];
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

/** One package that the log says nothing about, or that the lockfile does not pin to bytes. */
export interface UnverifiablePackage {
  /** As the lockfile has it; not checked, but printable. */
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly reason: UnverifiableReason;
}

/**
 * `git`, `file`, `url`: comes from outside the registry. `no-integrity`: nothing pins its bytes.
 * `weak-integrity`: sha1, sha256 or sha384 only. `ambiguous-integrity`: several digests, of which a client takes
 * any. `bad-integrity`, `bad-name`, `no-version`: not readable. `orphan-bundled`: said to be inside another
 * package's tarball, but there is none.
 */
export type UnverifiableReason =
  | "git"
  | "file"
  | "url"
  | "no-integrity"
  | "weak-integrity"
  | "ambiguous-integrity"
  | "bad-integrity"
  | "bad-name"
  | "no-version"
  | "orphan-bundled";

/** The sentence of a reason, for people: what is wrong and what to do. */
export const unverifiableSentences: Readonly<Record<UnverifiableReason, string>> = {
  git: "comes from git; the log binds registry tarballs only",
  file: "comes from a local tarball; the log binds registry tarballs only",
  url: "comes from a URL that is no registry's; the log binds registry tarballs only",
  "no-integrity": "has no integrity; let npm write it again from a registry that lists one",
  "weak-integrity": "has no sha512; let npm write it again from a registry that lists one",
  "ambiguous-integrity": "has several sha512 digests, and a client would take any of them; keep one",
  "bad-integrity": "has an integrity that is malformed",
  "bad-name": "has a name or version that no registry package can have",
  "no-version": "has no version",
  "orphan-bundled": "is said to be bundled, but no package around it could hold it",
};

/** Entries without bytes of their own. */
export interface SkippedCounts {
  /** Inside the tarball of another package: counted with it. */
  readonly bundled: number;
  /** Links to folders of the same project. */
  readonly links: number;
  /** Folders of the same project: workspaces. */
  readonly folders: number;
}
