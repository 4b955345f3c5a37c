import { parseIntegrity, type PackageName, type Version } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { AcceptedArchive } from "../publish/inspect.ts";
import type { Authorship } from "../publish/commit.ts";
import type { Described } from "../publish/publish-request.ts";
import type { Tables } from "../tables.ts";
import type { Stage } from "./stage.ts";

/** A stage as its row has it: what it is of a new package is said when it is read. */
export type StoredStage = Omit<Stage, "visibility"> & { readonly access: Described["access"] };

/** With all that a publish needs. */
export interface WholeStage extends StoredStage {
  readonly request: Described;
  readonly archive: AcceptedArchive;
  readonly content: string;
  /** Id of the approval that decides on it; undefined: whoever may approves alone. */
  readonly approval: string | undefined;
  readonly authorship: Authorship;
}

export type OverdueStage = Pick<WholeStage, "id" | "name" | "version" | "approval">;

type Row = Tables["hosted_stages"];

export async function addStage(transaction: Transaction, stage: WholeStage): Promise<void> {
  const { request, archive, actor, authorship } = stage;
  const row: Row = {
    id: stage.id,
    name: stage.name,
    version: stage.version,
    request: JSON.stringify(request),
    archive: JSON.stringify(archive),
    content: stage.content,
    actor: actor.id,
    actor_name: actor.name,
    actor_kind: actor.kind,
    authorship: JSON.stringify(authorship),
    address: stage.address,
    created_at_ms: stage.createdAtMs,
    expires_at_ms: stage.expiresAtMs,
    approval: stage.approval ?? null,
  };
  await transaction.withTables<Tables>().insertInto("hosted_stages").values(row).execute();
}

/** What it was of; undefined when it is not there (any more). */
export async function removeStage(
  transaction: Transaction,
  id: string,
): Promise<Pick<StoredStage, "name" | "sizeBytes"> | undefined> {
  const row = await transaction
    .withTables<Tables>()
    .deleteFrom("hosted_stages")
    .where("id", "=", id)
    .returning(["name", "request"])
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { tarball } = JSON.parse(row.request) as Described;
  return { name: row.name as PackageName, sizeBytes: tarball.sizeBytes };
}

/** One whose time is not over. */
export async function readStage(reader: Reader, id: string, nowMs: number): Promise<WholeStage | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .selectAll()
    .where("id", "=", id)
    .where("expires_at_ms", ">", nowMs)
    .executeTakeFirst();
  return row && stageOf(row);
}

/** The one that has a number. */
export function readStageOf(
  reader: Reader,
  name: PackageName,
  version: Version,
  nowMs: number,
): Promise<Pick<Row, "id" | "actor" | "content"> | undefined> {
  return reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .select(["id", "actor", "content"])
    .where("name", "=", name)
    .where("version", "=", version)
    .where("expires_at_ms", ">", nowMs)
    .executeTakeFirst();
}

/** All, or those of one package; the newest first. */
export async function readStageNames(
  reader: Reader,
  name: PackageName | undefined,
  nowMs: number,
): Promise<readonly { readonly id: string; readonly name: PackageName }[]> {
  let query = reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    // All of it stands in the index by time: what was sent is not read.
    .select(["id", "name"])
    .where("expires_at_ms", ">", nowMs);
  if (name !== undefined) query = query.where("name", "=", name);
  const rows = await query.orderBy("created_at_ms", "desc").orderBy("id").execute();
  return rows.map((row) => ({ ...row, name: row.name as PackageName }));
}

/** In the order of the ids. */
export async function readStages(reader: Reader, ids: readonly string[]): Promise<readonly StoredStage[]> {
  if (ids.length === 0) return [];
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .selectAll()
    .where("id", "in", ids)
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [stageOf(row)];
  });
}

export async function countStages(reader: Reader, name: PackageName): Promise<number> {
  const { count } = await reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .select((builder) => builder.fn.countAll().as("count"))
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function countStagesBy(reader: Reader, actor: string): Promise<number> {
  const { count } = await reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .select((builder) => builder.fn.countAll().as("count"))
    .where("actor", "=", actor)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Those whose time is over, the oldest first; of one release, or all. */
export async function readOverdue(
  reader: Reader,
  nowMs: number,
  release?: { readonly name: PackageName; readonly version: Version },
): Promise<readonly OverdueStage[]> {
  let query = reader
    .withTables<Tables>()
    .selectFrom("hosted_stages")
    .select(["id", "name", "version", "approval"])
    .where("expires_at_ms", "<=", nowMs);
  if (release !== undefined) query = query.where("name", "=", release.name).where("version", "=", release.version);
  const rows = await query.orderBy("expires_at_ms").limit(100).execute();
  return rows.map(({ id, name, version, approval }) => ({
    id,
    name: name as PackageName,
    version: version as Version,
    approval: approval ?? undefined,
  }));
}

function stageOf(row: Row): WholeStage {
  const request = JSON.parse(row.request) as Described;
  const { tags, access, tarball } = request;
  return {
    id: row.id,
    name: row.name as PackageName,
    version: row.version as Version,
    tags,
    access,
    integrity: parseIntegrity(tarball.integrity),
    shasum: tarball.sha1,
    sizeBytes: tarball.sizeBytes,
    actor: { id: row.actor, name: row.actor_name, kind: row.actor_kind as Stage["actor"]["kind"] },
    address: row.address,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    approval: row.approval ?? undefined,
    request,
    archive: JSON.parse(row.archive) as AcceptedArchive,
    content: row.content,
    authorship: JSON.parse(row.authorship) as Authorship,
  };
}
