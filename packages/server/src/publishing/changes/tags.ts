import { AssayError, parseVersion, type PackageName, type Version } from "@assay/core";
import { actOf, type Doer } from "../../identity/identity.ts";
import { requireOpenTag } from "../publish/entry.ts";
import { requireTag } from "../publish/validate.ts";
import { putTag, readTags, readVersion, removeTag } from "../store.ts";
import { change, type ChangeDeps } from "./change.ts";

/** The version that a request wants a tag to point at. Throws BAD_REQUEST, BAD_VERSION. */
export function requireTagTarget(tag: string, wanted: unknown): Version {
  requireTag(tag);
  if (typeof wanted === "string") return parseVersion(wanted);
  throw new AssayError("BAD_REQUEST", { reason: "its body is not a version as a JSON string" });
}

/** Points a tag at a version that is there. Throws NOT_FOUND, and FORBIDDEN for a tag that no publish sets. */
export async function setTag(
  deps: ChangeDeps,
  by: Doer,
  name: PackageName,
  tag: string,
  wanted: string,
): Promise<void> {
  const version = parseVersion(wanted);
  requireOpenTag(deps.entry, name, tag);
  await change(deps, by, name, async (transaction, nowMs) => {
    const target = await readVersion(transaction, name, version);
    if (target === undefined || target.unpublished_at_ms !== null)
      throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
    const before = (await readTags(transaction, name)).find((each) => each.tag === tag)?.version;
    if (before === version) return false;
    await putTag(transaction, name, tag, version, nowMs);
    const from = before === undefined ? "-" : parseVersion(before);
    await deps.checksums.claimTag(transaction, { name, tag, from, to: version, source: "hosted", atMs: nowMs });
    await deps.events.record(transaction, {
      kind: "tag.set",
      subject: `npm ${name}`,
      data: { by: by.id, tag, from, to: version },
      act: actOf(by, deps.names.organisationOf(name)),
    });
    return true;
  });
}

/** Throws NOT_FOUND, FORBIDDEN for a tag that no publish sets, and BAD_REQUEST for `latest`: a package without it cannot be installed by its name. */
export async function deleteTag(deps: ChangeDeps, by: Doer, name: PackageName, tag: string): Promise<void> {
  if (tag === "latest")
    throw new AssayError("BAD_REQUEST", { reason: "latest cannot be removed; point it at another version" });
  requireOpenTag(deps.entry, name, tag);
  await change(deps, by, name, async (transaction, nowMs) => {
    const before = (await readTags(transaction, name)).find((each) => each.tag === tag)?.version;
    if (before === undefined) throw new AssayError("NOT_FOUND", { what: `That tag of ${name}` });
    await removeTag(transaction, name, tag);
    const from = parseVersion(before);
    await deps.checksums.claimTag(transaction, { name, tag, from, to: "-", source: "hosted", atMs: nowMs });
    await deps.events.record(transaction, {
      kind: "tag.removed",
      subject: `npm ${name}`,
      data: { by: by.id, tag, from },
      act: actOf(by, deps.names.organisationOf(name)),
    });
    return true;
  });
}
