import type { NamePattern, PackageName } from "@assay/core";

/** What permission questions are decided from, besides `HostedNames`. Names of organisations and people are as they are shown. */
export interface PermissionFacts {
  /**
   * Another text after every change of what the others answer or of the hosted names, by whatever process. At once,
   * from memory; changed no later than the promise of the change resolves in this process, and within seconds in others.
   */
  generation(): string;
  /** A person's or bot's standing; for one that does not exist: nothing. */
  holder(kind: "person" | "bot", name: string): Promise<HolderFacts>;
  /** Who may do what with a hosted package; for one that does not exist: nobody. */
  package(name: PackageName): Promise<PackageFacts>;
  /**
   * The packages that a person owns or that were given to a team of theirs, by name: a text that is the same for those
   * in which they have the same hand. Others are left out.
   */
  handIn(person: string): Promise<ReadonlyMap<PackageName, string>>;
  /** A trust rule; undefined: it is gone. */
  ci(rule: string): Promise<CiFacts | undefined>;
}

export interface HolderFacts {
  readonly organisations: readonly { readonly name: string; readonly role: "owner" | "admin" | "developer" }[];
  readonly teams: readonly TeamName[];
}

export interface TeamName {
  readonly organisation: string;
  readonly team: string;
}

export interface PackageFacts {
  /** User names. */
  readonly owners: readonly string[];
  /** Teams that may read only, and teams that may write. */
  readonly readers: readonly TeamName[];
  readonly writers: readonly TeamName[];
}

export interface CiFacts {
  /** Of one package's rule: that package. Of an organisation's rule none: then it is about what `organisation` has. */
  readonly packages: readonly NamePattern[];
  /**
   * Whose packages it is about, whatever they are called: within an organisation's scope the configuration may give
   * names to another one. Undefined: those in `packages`.
   */
  readonly organisation?: string;
  readonly permissions: readonly ("read" | "publish" | "stage")[];
}
