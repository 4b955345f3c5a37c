import { AssayError, decodeUtf8, type PackageName, type Version } from "@assay/core";
import type { Admission } from "../admission/admission.ts";
import type { Checksums } from "../checksums/checksums.ts";
import type { Config } from "../config/config.ts";
import type { Approvals, HostedNames, Organisations, Permissions, Principal } from "../identity/identity.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Spool } from "../platform/blobs/spool.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { HostedListings } from "../serving/serving.ts";
import { createByteBudget } from "./publish/byte-budget.ts";
import { authorshipOf, commit } from "./publish/commit.ts";
import { examine, readRequest, type ExamineOptions } from "./publish/examine.ts";
import { contentDigest, type Publisher } from "./publish/manifest.ts";
import { readBody, type PublishBody } from "./publish/read-body.ts";
import { refuseStaged, refuseTaken } from "./publish/refuse-taken.ts";
import { createStaging } from "./stage/create-staging.ts";
import { approvalKind } from "./stage/people.ts";
import { requireWrite } from "./changes/allow-write.ts";
import { deprecate } from "./changes/deprecate.ts";
import { readMaintainers, replaceOwners } from "./changes/owners.ts";
import { deleteTag, setTag } from "./changes/tags.ts";
import { unpublishAll, unpublishByForce, unpublishMissing } from "./changes/unpublish.ts";
import { movePackages } from "./import/move-packages.ts";
import { isJsonObject } from "./publish/json.ts";
import type { Publishing, Put } from "./publishing.ts";
import type { Writer } from "./writer.ts";
import { attestationsOf, readVersion } from "./store.ts";

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
  readonly organisations: Pick<Organisations, "changeOwners">;
  readonly approvals: Pick<Approvals, "ruleFor" | "request" | "find" | "approve" | "reject">;
  readonly permissions: Pick<Permissions, "decide" | "require">;
  readonly admission: Pick<Admission, "bind" | "hold" | "letGo" | "prepareHeld" | "bindHeld">;
  readonly releases: Pick<Releases, "published" | "unpublished">;
  readonly checksums: Pick<
    Checksums,
    "claimDeprecate" | "claimHead" | "claimSighting" | "claimTag" | "lookup" | "wake"
  >;
  /** Who stands in packuments for what CI publishes; undefined for people. */
  readonly publisherOf: (principal: Principal) => Promise<Publisher | undefined>;
  readonly listings: HostedListings;
  /** Whoever reads here sees the change from then on. */
  readonly hostedChanged: (name: PackageName) => void;
}

export type PublishingOptions = Pick<Config, "limits" | "publish">;

/** Of a body without its tarball: a manifest, a readme, a bundle; or a whole packument that a client sends back. */
const documentBytes = 32 * 1024 * 1024;
/** Of all bodies that are read or worked on at once, in memory: three of the largest, or some ten thousand usual ones. */
const budgetBytes = 3 * documentBytes;
const dayMs = 86_400_000;

/** The pipeline of a publish (`publishing.ts`): each step in the file of its name under `publish/`. */
export function createPublishing(deps: PublishingDeps, { limits, publish }: PublishingOptions): Publishing {
  const examining: ExamineOptions = {
    limits: { unpackedBytes: limits.unpackedBytes, entries: limits.archiveEntries },
    allowedSecrets: new Set(publish.allowedSecrets),
    provenance: publish.provenance,
    upperCaseNames: publish.upperCaseNames,
  };
  const policy = { windowHours: publish.unpublishHours };
  const budget = createByteBudget({ maxBytes: budgetBytes });
  const bodyLimits = { tarballBytes: limits.tarballBytes, documentBytes, budget };

  /** Who may do neither must not make us read a byte; which it is, only the body tells. */
  async function mayPublish(principal: Principal, name: PackageName): Promise<boolean> {
    const { allowed: may } = await deps.permissions.decide(principal, "publish", { kind: "package", name });
    if (may) return true;
    const deprecating = await deps.permissions.decide(principal, "deprecate", { kind: "package", name });
    if (!deprecating.allowed) await requireWrite(deps, principal, "publish", name);
    return false;
  }

  async function put(
    { principal, confirm, renew }: Writer,
    name: PackageName,
    source: AsyncIterable<Uint8Array>,
  ): Promise<Put> {
    const mayBring = await mayPublish(principal, name);
    await confirm("publish", name);
    await using body = await readBody(deps, source, bodyLimits);
    await renew();
    const { _attachments: attachments } = body.document;
    if (isJsonObject(attachments) && Object.keys(attachments).length > 0) {
      if (!mayBring) await requireWrite(deps, principal, "publish", name);
      return { kind: "published", version: await publishOne(principal, name, body) };
    }
    await requireWrite(deps, principal, "deprecate", name);
    await deprecate(deps, principal, name, body.document);
    return { kind: "deprecated" };
  }

  async function publishOne(principal: Principal, name: PackageName, body: PublishBody): Promise<Version> {
    await requireWrite(deps, principal, "publish", name);
    if (deps.names.isStageOnly(name))
      throw new AssayError("FORBIDDEN", {
        reason: `versions of ${name} are staged, and published when somebody who may approves them; use npm stage publish`,
      });
    const request = readRequest(deps, body, name, examining);
    const content = contentDigest(request);
    if ((await refuseTaken(deps.database.read, principal, request, content)) === "free") {
      await refuseStaged(deps.database.read, request, deps.clock.now());
      const passed = await examine(deps, request, examining);
      // Whoever lost the right meanwhile must not become the owner of a new package.
      await requireWrite(deps, principal, "publish", name);
      await commit(deps, await authorshipOf(deps, principal), passed);
    }
    await deps.checksums.lookup(name, request.version, new AbortController().signal);
    return request.version;
  }

  const staging = createStaging(deps, { examining, body: bodyLimits, waitMs: publish.stageDays * dayMs });

  return {
    put,
    async move(source, options) {
      return await movePackages(deps, source, {
        ...options,
        limits: { ...examining.limits, tarballBytes: limits.tarballBytes },
        allowsSecret: (name) => (path, rule) => examining.allowedSecrets.has(`${name} ${rule} ${path}`),
      });
    },
    async replace({ principal, confirm, renew }, name, revision, source) {
      // Which of the two it is, only the body tells: what is confirmed is known after it.
      const unpublishing = await deps.permissions.decide(principal, "unpublish", { kind: "package", name });
      if (!unpublishing.allowed) await requireWrite(deps, principal, "own", name);
      await using body = await readBody(deps, source, { ...bodyLimits, tarballBytes: 0 });
      await renew();
      const { maintainers, versions } = body.document;
      if (versions === undefined && maintainers !== undefined) {
        await requireWrite(deps, principal, "own", name);
        const people = readMaintainers(maintainers);
        await confirm("own", name, `make ${people.join(" ")} the owners of ${name}`);
        await replaceOwners(deps, principal, name, { people, revision });
        return;
      }
      await requireWrite(deps, principal, "unpublish", name);
      await confirm("unpublish", name);
      await unpublishMissing(deps, principal, name, { document: body.document, revision }, policy);
    },
    async remove({ principal, confirm }, name, revision) {
      await requireWrite(deps, principal, "unpublish", name);
      await confirm("unpublish", name);
      await unpublishAll(deps, principal, name, revision, policy);
    },
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
    async setTag({ principal, confirm }, name, tag, version) {
      await requireWrite(deps, principal, "tag", name);
      await confirm("tag", name);
      await setTag(deps, principal, name, tag, version);
    },
    async deleteTag({ principal, confirm }, name, tag) {
      await requireWrite(deps, principal, "tag", name);
      await confirm("tag", name);
      await deleteTag(deps, principal, name, tag);
    },
    staging,
    approvalHandlers: { [approvalKind]: staging.approvalHandler },
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
