import { createHash } from "node:crypto";
import semver from "semver";
import { AssayError, parseVersion, type EpochMs, type PackageName, type Version } from "@assay/core";
import { actOf, type Doer } from "../../identity/identity.ts";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import { liveVersions, setDeprecated } from "../store.ts";
import { change, type ChangeDeps } from "./change.ts";
import { requireRevision } from "./revision.ts";

const longestMessage = 1024;
const longestRange = 256;

/** By version, what it is deprecated with from then on; null: it is no more. */
export type Deprecations = Readonly<Record<string, string | null>>;

/**
 * Takes from a whole packument that a client sends back what it may change by that: `deprecated` of each version, where
 * it is another than now. An empty message, or none, ends it. Everything else in it is ignored. Throws BAD_REQUEST.
 */
export async function deprecationsIn(reader: Reader, name: PackageName, document: JsonObject): Promise<Deprecations> {
  if (document["name"] !== undefined && document["name"] !== name)
    throw new AssayError("BAD_REQUEST", { reason: "its body is about another package than its path" });
  const { versions } = document;
  if (!isJsonObject(versions)) throw new AssayError("BAD_REQUEST", { reason: "it brings no version" });
  const found: Record<string, string | null> = {};
  for (const { version, deprecated } of await liveVersions(reader, name)) {
    const sent = Object.hasOwn(versions, version) ? versions[version] : undefined;
    if (!isJsonObject(sent)) continue;
    const message = typeof sent["deprecated"] === "string" && sent["deprecated"] !== "" ? sent["deprecated"] : null;
    if (message === deprecated) continue;
    requireMessage(message);
    found[version] = message;
  }
  return found;
}

/** What somebody says of the versions in a range. */
export interface Deprecating {
  /** Of semver, as `npm deprecate` takes it: prereleases belong to it too. */
  readonly range: string;
  /** Null: they are deprecated no more. */
  readonly message: string | null;
}

/** Which versions a range changes, and to what. Throws BAD_REQUEST for what is no range, and for one that nothing is in. */
export async function deprecationsWithin(
  reader: Reader,
  name: PackageName,
  { range, message }: Deprecating,
): Promise<Deprecations> {
  requireMessage(message);
  if (range === "" || range.length > longestRange || semver.validRange(range) === null)
    throw new AssayError("BAD_REQUEST", { reason: "that is no version and no range of versions, such as 1.2.3 or <2" });
  const within = (await liveVersions(reader, name)).filter(({ version }) =>
    semver.satisfies(version, range, { includePrerelease: true }),
  );
  if (within.length === 0) throw new AssayError("BAD_REQUEST", { reason: `no version of ${name} is in that range` });
  const changed = within.filter(({ deprecated }) => deprecated !== message);
  return Object.fromEntries(changed.map(({ version }) => [version, message]));
}

function requireMessage(message: string | null): void {
  if (message !== null && message.length > longestMessage)
    throw new AssayError("BAD_REQUEST", { reason: `the message is longer than ${longestMessage} characters` });
  if (message?.isWellFormed() === false)
    throw new AssayError("BAD_REQUEST", { reason: "the message holds a lone surrogate, which is no character" });
}

/** Throws CONFLICT when the document is of another revision, NOT_FOUND. */
export async function deprecate(
  deps: ChangeDeps,
  by: Doer,
  name: PackageName,
  wanted: { readonly messages: Deprecations; readonly revision: unknown },
): Promise<void> {
  await change(deps, by, name, async (transaction, nowMs) => {
    await requireRevision(transaction, name, wanted.revision);
    let isChanged = false;
    for (const { version: text, deprecated } of await liveVersions(transaction, name)) {
      const message = Object.hasOwn(wanted.messages, text) ? (wanted.messages[text] ?? null) : deprecated;
      if (message === deprecated) continue;
      const version = parseVersion(text);
      await setDeprecated(transaction, name, version, message);
      await claimDeprecation(deps, transaction, { name, version, message }, nowMs);
      await deps.events.record(transaction, {
        kind: message === null ? "release.undeprecated" : "release.deprecated",
        subject: `npm ${name}@${version}`,
        data: { by: by.id },
        act: actOf(by, deps.names.organisationOf(name)),
      });
      isChanged = true;
    }
    return isChanged;
  });
}

/** Records what is said of a version, as a digest: messages are not for a log. Null: it is not deprecated any more. */
export async function claimDeprecation(
  { checksums }: { readonly checksums: Pick<ChangeDeps["checksums"], "claimDeprecate"> },
  transaction: Transaction,
  {
    name,
    version,
    message,
  }: { readonly name: PackageName; readonly version: Version; readonly message: string | null },
  nowMs: EpochMs,
): Promise<void> {
  const digest = message === null ? "-" : `sha256-${createHash("sha256").update(message).digest("base64")}`;
  await checksums.claimDeprecate(transaction, { name, version, message: digest, source: "hosted", atMs: nowMs });
}
