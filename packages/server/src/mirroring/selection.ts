import { hash } from "node:crypto";
import { isAssayError, parsePackageName, parseVersion, type PackageName } from "@assay/core";
import { unverifiableSentences, type Lockfile, type UnverifiablePackage, type UnverifiableReason } from "@assay/verify";
import type { NewItem } from "./store.ts";
import { formatWant, type Want } from "./wants.ts";

/** What this Assay shall be a mirror of. */
export interface Selection {
  /** Packages by name; `spec` is a version, a range or a tag, undefined: as `versions` says. */
  readonly names: readonly { readonly name: PackageName; readonly spec: string | undefined }[];
  /** Every package that was ever asked for or bound here. */
  readonly used: boolean;
  readonly lockfiles: readonly Lockfile[];
  /**
   * Of each package: the release that `latest` names; those that are locked (in a lockfile, or bound here); all. What a
   * lockfile or a spec names is taken in any case.
   */
  readonly versions: "latest" | "locked" | "all";
  /** What releases depend on too, as clients would resolve it today. */
  readonly dependencies: boolean;
}

/** Something that was wanted and is not here, with a sentence's worth of why. */
export interface Missing {
  readonly name: string;
  /** `1.2.3`, `^1.0.0`, `latest`, `its listing`: what was wanted of it. */
  readonly want: string;
  readonly reason: string;
}

/** What a selection comes to before anything is fetched. */
export interface Plan {
  /** The same for the same selection, so that a run that was cut off is found again. */
  readonly id: string;
  readonly items: readonly NewItem[];
  /** What no registry can serve. */
  readonly missing: readonly Missing[];
}

const wholeName: Readonly<Record<Selection["versions"], Want>> = {
  latest: { kind: "latest" },
  locked: { kind: "bound" },
  all: { kind: "all" },
};

/** The work list of a selection. `known` are the names that `used` stands for. Pure. */
export function planSelection(selection: Selection, known: readonly PackageName[]): Plan {
  const items = new Map<string, NewItem>();
  const missing: Missing[] = [];
  const add = (name: PackageName, want: Want, integrity?: string): void => {
    const text = formatWant(want);
    // Two lockfiles may pin one release to different bytes: the first is checked here, the other by its own verify.
    if (!items.has(`${name} ${text}`))
      items.set(`${name} ${text}`, { name, want: text, ...(integrity !== undefined && { integrity }) });
  };
  const addWhole = (name: PackageName): void => {
    add(name, { kind: "listing" });
    add(name, wholeName[selection.versions]);
  };

  for (const { name, spec } of selection.names) {
    if (spec === undefined) addWhole(name);
    else {
      add(name, { kind: "listing" });
      add(name, { kind: "spec", spec });
    }
  }
  for (const name of known) addWhole(name);
  for (const lockfile of selection.lockfiles) {
    for (const { name, version, integrity } of lockfile.packages) {
      if (selection.versions === "locked") add(name, { kind: "listing" });
      else addWhole(name);
      add(name, { kind: "version", version }, integrity);
    }
    for (const { name, version } of lockfile.unpinned) {
      add(name, { kind: "listing" });
      add(name, { kind: "version", version });
    }
    for (const entry of lockfile.unverifiable) addUnverifiable(entry, add, missing);
  }
  return { id: idOf(selection), items: [...items.values()], missing };
}

/** Reasons of entries that no registry has. */
const outside: ReadonlySet<UnverifiableReason> = new Set([
  "git",
  "url",
  "jsr",
  "remote-module",
  "foreign",
  "foreign-archive",
]);

/** An entry that pins nothing can be mirrored all the same, when it comes from a registry. */
function addUnverifiable(
  { name, version, reason }: UnverifiablePackage,
  add: (name: PackageName, want: Want) => void,
  missing: Missing[],
): void {
  // It is in the project already.
  if (reason === "file") return;
  if (outside.has(reason)) {
    missing.push({ name, want: version, reason: `it ${unverifiableSentences[reason]}` });
    return;
  }
  try {
    const parsed = parsePackageName(name);
    const want = { kind: "version", version: parseVersion(version) } as const;
    add(parsed, { kind: "listing" });
    add(parsed, want);
  } catch (error) {
    if (!isAssayError(error)) throw error;
    missing.push({ name, want: version, reason: `its lockfile names no release of it: ${error.message}` });
  }
}

function idOf({ names, used, lockfiles, versions, dependencies }: Selection): string {
  const named = names.map(({ name, spec }) => `${name} ${spec ?? ""}`);
  const locked = lockfiles.flatMap(({ packages, unpinned, unverifiable }) => [
    ...packages.map(({ name, version, integrity }) => `${name} ${version} ${integrity}`),
    ...unpinned.map(({ name, version }) => `${name} ${version}`),
    ...unverifiable.map(({ name, version }) => `${name} ${version}`),
  ]);
  const lines = [...new Set([...named, ...locked])].sort();
  return hash("sha256", JSON.stringify({ lines, used, versions, dependencies }), "hex");
}
