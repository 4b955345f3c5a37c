import { AssayError, type PackageName } from "@assay/core";
import { doerOf } from "../../identity/identity.ts";
import { uuid } from "../../platform/random.ts";
import { requireWrite } from "../changes/allow-write.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { longestReadme } from "../publish/add-release.ts";
import { authorshipOf } from "../publish/commit.ts";
import { examine, readRequest, type ExamineOptions } from "../publish/examine.ts";
import { contentDigest } from "../publish/manifest.ts";
import { provenanceNotice } from "../publish/provenance.ts";
import type { PublishRequest } from "../publish/publish-request.ts";
import { readBody, type BodyLimits } from "../publish/read-body.ts";
import { refuseStaged, refuseTaken } from "../publish/refuse-taken.ts";
import type { Writer } from "../writer.ts";
import { expire, holderOf } from "./drop.ts";
import { noteStage } from "./note.ts";
import { askPeople } from "./people.ts";
import type { Staged } from "./stage.ts";
import { addStage, countStages, countStagesBy, readOverdue, readStageOf, type WholeStage } from "./store.ts";

export interface StagingOptions {
  readonly examining: ExamineOptions;
  readonly body: BodyLimits;
  /** How long a stage waits. */
  readonly waitMs: number;
}

/** Of one package: nobody looks through more, and each holds its bytes. */
const mostStages = 100;
/** Of one principal, whatever the packages: everybody who looks at the list looks through them. */
const mostStagesOfOne = 500;

/**
 * `Staging.put`: the steps of a publish up to the bind. A crash leaves what a publish leaves; after the commit there is
 * a stage, and the client that sends it again is told its id.
 */
export async function putStage(
  deps: PublishingDeps,
  { principal, renew }: Pick<Writer, "principal" | "renew">,
  name: PackageName,
  source: AsyncIterable<Uint8Array>,
  options: StagingOptions,
): Promise<Staged> {
  const { database, clock, admission } = deps;
  await requireWrite(deps, principal, "stage", name);
  await deps.quotas.requireRoom(database, name, { versions: 0, sizeBytes: 0 });
  await using body = await readBody(deps, source, options.body, principal.id);
  await renew();
  const request = readRequest(deps, body, name, options.examining);
  const notice = provenanceNotice(deps.names, request, options.examining.rulesOf(name).provenance);
  const content = contentDigest(request);
  const again = await readStageOf(database.read, name, request.version, clock.now());
  if (again?.content === content && again.actor === principal.id) return { id: again.id, notice };
  await refuseStaged(database.read, request, clock.now());
  await requireFree(database.read, principal.id, request, content);
  const { sizeBytes } = request.tarball;
  await deps.quotas.requireRoom(database, name, { versions: 1, sizeBytes });
  await rehearseName(deps, principal, request);
  const passed = await examine(deps, request, options.examining);
  const by = await requireWrite(deps, principal, "stage", name);
  const { id: actor, name: actorName, kind } = principal;
  const nowMs = clock.now();
  const stage: WholeStage = {
    id: uuid(deps.random),
    name,
    version: request.version,
    tags: request.tags,
    access: request.access,
    integrity: request.tarball.integrity,
    shasum: request.tarball.sha1,
    sizeBytes,
    request: kept(request),
    archive: passed.archive,
    content,
    approval: undefined,
    authorship: await authorshipOf(deps, principal, doerOf(principal, "stage")),
    actor: { id: actor, name: actorName, kind },
    address: principal.address,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + options.waitMs,
  };
  const id = await admission.hold(request.tarball, holderOf(stage), async (transaction) => {
    for (const overdue of await readOverdue(transaction, nowMs, stage)) await expire(deps, transaction, overdue);
    const standing = await readStageOf(transaction, name, stage.version, nowMs);
    if (standing?.content === content && standing.actor === actor) {
      await admission.letGo(transaction, holderOf(stage));
      return standing.id;
    }
    await refuseStaged(transaction, request, nowMs);
    await requireFree(transaction, actor, request, content);
    if ((await countStages(transaction, name)) >= mostStages)
      throw new AssayError("CONFLICT", {
        reason: `${mostStages} versions of ${name} are staged already; approve or reject some first`,
      });
    if ((await countStagesBy(transaction, actor)) >= mostStagesOfOne)
      throw new AssayError("CONFLICT", {
        reason: `${mostStagesOfOne} versions of yours are staged already; have some approved, or reject them, first`,
      });
    await addStage(transaction, { ...stage, approval: await askPeople(deps, transaction, stage, principal) });
    await deps.quotas.count(transaction, name, { packages: 0, versions: 1, sizeBytes });
    await noteStage(deps, transaction, "staged", stage, by);
    return stage.id;
  });
  return { id, notice };
}

class Rehearsed extends Error {}

/** A name that no new package may have is refused now, and not the person who approves. Nothing is written. */
async function rehearseName(
  { database, names }: Pick<PublishingDeps, "database" | "names">,
  { kind, name: owner }: Writer["principal"],
  { name, access }: PublishRequest,
): Promise<void> {
  if (names.find(name) !== undefined) return;
  try {
    await database.write(async (transaction) => {
      await names.claim(transaction, { name, visibility: access, owner: kind === "ci" ? undefined : owner });
      throw new Rehearsed();
    });
  } catch (error) {
    if (!(error instanceof Rehearsed)) throw error;
  }
}

async function requireFree(
  reader: Parameters<typeof refuseTaken>[0],
  id: string,
  request: PublishRequest,
  content: string,
): Promise<void> {
  if ((await refuseTaken(reader, { id }, request, content)) === "published")
    throw new AssayError("CONFLICT", { reason: `${request.name}@${request.version} is published already` });
}

/** What it says, without the bytes and with as much of the readme as is listed. */
function kept({ name, version, tags, access, manifest, readme, tarball, provenance }: PublishRequest) {
  const { integrity, sha1, sizeBytes } = tarball;
  const { readme: _readme, ...rest } = manifest;
  return {
    name,
    version,
    tags,
    access,
    manifest: rest,
    readme: readme?.slice(0, longestReadme),
    tarball: { integrity, sha1, sizeBytes },
    provenance,
  };
}
