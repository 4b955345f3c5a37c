import { AssayError, type PackageName } from "@assay/core";

/**
 * Where what is published enters: the tags that it gets, of those that were sent with it. `isFirst`: the package has no
 * tag yet. Pure. Every tag that somebody sets goes through here, but those of a promotion.
 */
export type Entry = (name: PackageName, sent: readonly string[], isFirst: boolean) => readonly string[];

/** As they were sent. A package without `latest` cannot be installed by its name alone: its first version has it too. */
export const asSent: Entry = (_name, sent, isFirst) =>
  isFirst && !sent.includes("latest") ? [...sent, "latest"] : sent;

/** Whether somebody moves this tag by hand: a publish could. */
export function isOpenTag(entry: Entry, name: PackageName, tag: string): boolean {
  return entry(name, [tag], false).includes(tag);
}

/** Throws FORBIDDEN for a tag that no publish sets. */
export function requireOpenTag(entry: Entry, name: PackageName, tag: string): void {
  if (isOpenTag(entry, name, tag)) return;
  throw new AssayError("FORBIDDEN", {
    reason: `the tag ${tag} of ${name} is moved by promotion alone; what is published gets ${entry(name, [tag], false).join(", ")}`,
  });
}

/**
 * What tags elsewhere come to here. Where several come to one, that of `latest` decides: it is what everybody installs.
 * Pure.
 */
export function enteredTags(
  entry: Entry,
  name: PackageName,
  tags: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const latestLast = [...tags].toSorted(([a], [b]) => Number(a === "latest") - Number(b === "latest"));
  return new Map(latestLast.flatMap(([tag, version]) => entry(name, [tag], false).map((to) => [to, version] as const)));
}
