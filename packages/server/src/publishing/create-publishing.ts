import { AssayError, decodeUtf8, type PackageName } from "@assay/core";
import type { Admission } from "../admission/admission.ts";
import type { Checksums } from "../checksums/checksums.ts";
import type { Config } from "../config/config.ts";
import {
  accessOperation,
  type Approvals,
  type Doer,
  type Gate,
  type HostedNames,
  type Organisations,
  type Permissions,
  type Principal,
} from "../identity/identity.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Spool } from "../platform/blobs/spool.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Reader } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { HostedListings } from "../serving/serving.ts";
import { createByteBudget } from "./publish/byte-budget.ts";
import { authorshipOf, commit } from "./publish/commit.ts";
import { createContentRules } from "./publish/content-rules.ts";
import type { Entry } from "./publish/entry.ts";
import { examine, readRequest, type ExamineOptions } from "./publish/examine.ts";
import { contentDigest, type Publisher } from "./publish/manifest.ts";
import { provenanceNotice } from "./publish/provenance.ts";
import { readBody, type PublishBody } from "./publish/read-body.ts";
import { refuseBurst } from "./publish/refuse-burst.ts";
import { refuseStaged, refuseTaken } from "./publish/refuse-taken.ts";
import { createStaging } from "./stage/create-staging.ts";
import { approvalKind } from "./stage/people.ts";
import { requireWrite } from "./changes/allow-write.ts";
import { deprecationsIn, deprecationsWithin } from "./changes/deprecate.ts";
import { readMaintainers, replaceOwners } from "./changes/owners.ts";
import { requireTagTarget } from "./changes/tags.ts";
import { unpublishByForce, versionsMissing, versionsOf } from "./changes/unpublish.ts";
import { carryOutChange, changeHandler, packageKind, waitingChange, type PackageChange } from "./changes/waiting.ts";
import { createFetches } from "./fetches/fetches.ts";
import { movePackages } from "./import/move-packages.ts";
import { isJsonObject, type JsonObject } from "./publish/json.ts";
import type { Publishing, Put } from "./publishing.ts";
import type { Quotas } from "./quotas/quotas.ts";
import type { Writer } from "./writer.ts";
import { attestationsOf, liveVersions, readTags, readVersion } from "./store.ts";

export interface PublishingDeps {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly spool: Spool;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Pick<Telemetry, "log">;
  readonly events: Events;
  readonly names: HostedNames;
  readonly organisations: Organisations;
  readonly approvals: Pick<Approvals, "ruleFor" | "request" | "find" | "approve" | "reject" | "withdraw">;
  readonly permissions: Pick<Permissions, "decide" | "require">;
  /** Has what must be approved wait. */
  readonly gate: Gate;
  readonly admission: Pick<Admission, "bind" | "hold" | "letGo" | "prepareHeld" | "bindHeld">;
  readonly releases: Pick<Releases, "published" | "unpublished">;
  /** What organisations may have at most. */
  readonly quotas: Quotas;
  readonly checksums: Pick<
    Checksums,
    "bindsOf" | "claimDeprecate" | "claimHead" | "claimSighting" | "claimTag" | "lookup" | "wake"
  >;
  /** Who stands in packuments for what CI publishes; undefined for people. */
  readonly publisherOf: (principal: Principal) => Promise<Publisher | undefined>;
  readonly listings: HostedListings;
  readonly entry: Entry;
  /** Whoever reads here sees the change from then on. */
  readonly hostedChanged: (name: PackageName) => void;
}

export type PublishingOptions = Pick<Config, "limits" | "publish">;

/** Of a body without its tarball: a manifest, a readme, a bundle; or a whole packument that a client sends back. */
const documentBytes = 32 * 1024 * 1024;
/** Of all bodies that are read or worked on at once, in memory: three of the largest, or some ten thousand usual ones. */
const budgetBytes = 3 * documentBytes;
/** Of one sender: one of the largest beside some usual ones. */
const budgetBytesOfOne = documentBytes + 8 * 1024 * 1024;
const dayMs = 86_400_000;

/** The pipeline of a publish (`publishing.ts`): each step in the file of its name under `publish/`. */
export function createPublishing(deps: PublishingDeps, { limits, publish }: PublishingOptions): Publishing {
  const examining: ExamineOptions = {
    limits: { unpackedBytes: limits.unpackedBytes, entries: limits.archiveEntries },
    rulesOf: createContentRules(publish, deps.names.saidOf),
    upperCaseNames: publish.upperCaseNames,
  };
  const burst = { packages: publish.burstPackages, minutes: publish.burstMinutes };
  const policy = { windowHours: publish.unpublishHours };
  const budget = createByteBudget({ clock: deps.clock, maxBytes: budgetBytes, maxBytesOfOne: budgetBytesOfOne });
  const bodyLimits = { tarballBytes: limits.tarballBytes, documentBytes, budget };

  /** Who may do neither must not make us read a byte; which it is, only the body tells. */
  async function mayPublish(principal: Principal, name: PackageName): Promise<boolean> {
    const { allowed: may } = await deps.permissions.decide(principal, "publish", { kind: "package", name });
    if (may) return true;
    const deprecating = await deps.permissions.decide(principal, "deprecate", { kind: "package", name });
    if (!deprecating.allowed) await requireWrite(deps, principal, "publish", name);
    return false;
  }

  async function put(writer: Writer, name: PackageName, source: AsyncIterable<Uint8Array>): Promise<Put> {
    const { principal, confirm, renew } = writer;
    const mayBring = await mayPublish(principal, name);
    // Whether it brings a version only the body tells: a package that is too many needs none of it.
    if (mayBring) await deps.quotas.requireRoom(deps.database, name, { versions: 0, sizeBytes: 0 });
    await confirm("publish", name);
    await using body = await readBody(deps, source, bodyLimits, principal.id);
    await renew();
    const { _attachments: attachments } = body.document;
    if (isJsonObject(attachments) && Object.keys(attachments).length > 0) {
      if (!mayBring) await requireWrite(deps, principal, "publish", name);
      deps.gate.passPublish(writer, name, deps.names.organisationOf(name));
      return { kind: "published", ...(await publishOne(principal, name, body)) };
    }
    const by = await requireWrite(deps, principal, "deprecate", name);
    const messages = await deprecationsIn(deps.database.read, name, body.document);
    await change(writer, by, { do: "deprecate", name, messages }, revisionOf(body.document));
    return { kind: "deprecated" };
  }

  /** Does it, or has it wait for those who must approve it; what changes nothing waits for nobody. */
  async function change(asker: Writer, by: Doer, wanted: PackageChange, revision?: string): Promise<void> {
    const isNew = await isChange(wanted);
    // What is so already is not made so once more: an approved change may come in between.
    if (wanted.do === "set-tag" && !isNew) return;
    if (isNew) await deps.gate.pass(asker, waitingChange(deps, by, wanted, policy));
    await carryOutChange(deps, by, wanted, policy, revision);
  }

  async function isChange(wanted: PackageChange): Promise<boolean> {
    switch (wanted.do) {
      case "set-tag":
        return (await readTags(deps.database.read, wanted.name)).every(
          ({ tag, version }) => tag !== wanted.tag || version !== wanted.version,
        );
      case "delete-tag":
        return true;
      case "deprecate":
        return Object.keys(wanted.messages).length > 0;
      case "unpublish":
        return wanted.versions.length > 0;
    }
  }

  async function publishOne(principal: Principal, name: PackageName, body: PublishBody) {
    await requireWrite(deps, principal, "publish", name);
    if (deps.names.saidOf(name)?.publish === "stage-only")
      throw new AssayError("FORBIDDEN", {
        reason: `versions of ${name} are staged, and published when somebody who may approves them; use npm stage publish`,
      });
    const request = readRequest(deps, body, name, examining);
    const content = contentDigest(request);
    if ((await refuseTaken(deps.database.read, principal, request, content)) === "free") {
      await refuseStaged(deps.database.read, request, deps.clock.now());
      const steady = (reader: Reader): Promise<void> => refuseBurst(reader, principal, name, burst, deps.clock.now());
      await steady(deps.database.read);
      const { sizeBytes } = request.tarball;
      await deps.quotas.requireRoom(deps.database, name, { versions: 1, sizeBytes });
      const passed = await examine(deps, request, examining);
      // Whoever lost the right meanwhile must not become the owner of a new package.
      const by = await requireWrite(deps, principal, "publish", name);
      await commit(deps, await authorshipOf(deps, principal, by), passed, steady);
    }
    await deps.checksums.lookup(name, request.version, new AbortController().signal);
    return {
      version: request.version,
      notice: provenanceNotice(deps.names, request, examining.rulesOf(name).provenance),
    };
  }

  const staging = createStaging(deps, { examining, body: bodyLimits, waitMs: publish.stageDays * dayMs });

  return {
    put,
    async move(source, options) {
      return await movePackages(deps, source, {
        ...options,
        limits: { ...examining.limits, tarballBytes: limits.tarballBytes },
        rulesOf: examining.rulesOf,
      });
    },
    async replace(writer, name, revision, source) {
      const { principal, confirm, renew } = writer;
      // Which of the two it is, only the body tells: what is confirmed is known after it.
      const unpublishing = await deps.permissions.decide(principal, "unpublish", { kind: "package", name });
      if (!unpublishing.allowed) await requireWrite(deps, principal, "own", name);
      await using body = await readBody(deps, source, { ...bodyLimits, tarballBytes: 0 }, principal.id);
      await renew();
      const { maintainers, versions } = body.document;
      if (versions === undefined && maintainers !== undefined) {
        const by = await requireWrite(deps, principal, "own", name);
        const people = readMaintainers(maintainers);
        await confirm("own", name, `make ${people.join(" ")} the owners of ${name}`);
        const owners = { kind: "replace", people } as const;
        await deps.gate.pass(writer, accessOperation(deps, by, { do: "change-owners", name, change: owners }));
        await replaceOwners(deps, by, name, { people, revision });
        return;
      }
      const by = await requireWrite(deps, principal, "unpublish", name);
      await confirm("unpublish", name);
      const missing = await versionsMissing(deps.database.read, name, body.document);
      await change(writer, by, { do: "unpublish", name, versions: missing }, revision);
    },
    async remove(writer, name, revision) {
      const by = await requireWrite(deps, writer.principal, "unpublish", name);
      await writer.confirm("unpublish", name);
      const versions = await versionsOf(deps.database.read, name);
      await change(writer, by, { do: "unpublish", name, versions }, revision);
    },
    fetches: createFetches(deps),
    async removeByForce(by, wanted) {
      return await unpublishByForce(deps, by, wanted);
    },
    async removeFile({ principal, confirm }, name, version) {
      await requireWrite(deps, principal, "unpublish", name);
      await confirm("unpublish", name);
      const standing = await readVersion(deps.database.read, name, version);
      if (standing === undefined) throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
      if (standing.unpublished_at_ms === null)
        throw new AssayError("CONFLICT", { reason: `${name}@${version} is listed; a file goes when its version goes` });
    },
    async setTag(writer, name, tag, wanted) {
      const by = await requireWrite(deps, writer.principal, "tag", name);
      await writer.confirm("tag", name);
      await change(writer, by, { do: "set-tag", name, tag, version: requireTagTarget(tag, wanted) });
    },
    async deleteTag(writer, name, tag) {
      const by = await requireWrite(deps, writer.principal, "tag", name);
      await writer.confirm("tag", name);
      await change(writer, by, { do: "delete-tag", name, tag });
    },
    async deprecate(writer, name, wanted) {
      const by = await requireWrite(deps, writer.principal, "deprecate", name);
      await writer.confirm("deprecate", name);
      const messages = await deprecationsWithin(deps.database.read, name, wanted);
      await change(writer, by, { do: "deprecate", name, messages });
    },
    async listing(name) {
      const versions = (await liveVersions(deps.database.read, name)).toReversed();
      return { tags: await readTags(deps.database.read, name), versions };
    },
    staging,
    approvalHandlers: {
      [packageKind]: changeHandler(deps, policy),
      [approvalKind]: staging.approvalHandler,
    },
    async attestations(name, version) {
      const rows = await attestationsOf(deps.database.read, name, version);
      return await Promise.all(
        rows.map(async ({ predicate_type: predicateType, digest }) => {
          const bytes = await deps.blobs.read(blobKey("attestation", "sha256", digest));
          if (bytes === undefined)
            throw new AssayError("BLOB_CORRUPT", { key: `attestation/${digest}`, reason: "it is not stored" });
          return { predicateType, bundle: JSON.parse(decodeUtf8(bytes)) as unknown };
        }),
      );
    },
  };
}

/** `_rev`, which clients send back; undefined: of whatever revision it is. */
function revisionOf({ _rev }: JsonObject): string | undefined {
  // What is no text is no revision that there ever was.
  return _rev === undefined ? undefined : typeof _rev === "string" ? _rev : "";
}
