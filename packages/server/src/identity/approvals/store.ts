import { epochMs } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { Approval, ApprovalVote } from "./approvals.ts";
import type { ApprovalTables } from "./tables.ts";

type Row = ApprovalTables["approvals"];

/** Adds a request; answers the id of the one that waits for the same operation already, if there is one. */
export async function addApproval(
  transaction: Transaction,
  { votes: _votes, ...approval }: Approval,
  payload: unknown,
): Promise<string> {
  const tables = transaction.withTables<ApprovalTables>();
  await tables
    .insertInto("approvals")
    .values({
      id: approval.id,
      kind: approval.kind,
      subject: approval.subject,
      summary: approval.summary,
      digest: approval.digest,
      payload: JSON.stringify(payload),
      resource: JSON.stringify(approval.resource),
      organisation: approval.organisation ?? null,
      requester: approval.requester,
      requester_name: approval.requesterName,
      needed: approval.needed,
      approvers: approval.approvers === undefined ? null : JSON.stringify(approval.approvers),
      state: "waiting",
      requested_at_ms: approval.requestedAtMs,
      expires_at_ms: approval.expiresAtMs,
      decided_at_ms: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { id } = await tables
    .selectFrom("approvals")
    .select("id")
    .where("kind", "=", approval.kind)
    .where("subject", "=", approval.subject)
    .where("digest", "=", approval.digest)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return id;
}

export async function readApproval(
  reader: Reader,
  id: string,
): Promise<{ readonly approval: Approval; readonly payload: unknown } | undefined> {
  const row = await reader
    .withTables<ApprovalTables>()
    .selectFrom("approvals")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const votes = await readVotes(reader, [id]);
  return { approval: fromRow(row, votes.get(id) ?? []), payload: JSON.parse(row.payload) };
}

/** Where a page ended. */
export interface ApprovalPlace {
  readonly requestedAtMs: number;
  readonly id: string;
}

/** Newest first, those of one moment by id; `before`: only what comes after that place. */
export async function readApprovals(
  reader: Reader,
  {
    state,
    before,
    limit,
  }: {
    readonly state: Approval["state"] | undefined;
    readonly before: ApprovalPlace | undefined;
    readonly limit: number;
  },
): Promise<readonly Approval[]> {
  const rows = await reader
    .withTables<ApprovalTables>()
    .selectFrom("approvals")
    .selectAll()
    .$if(state !== undefined, (query) => query.where("state", "=", state ?? ""))
    .$if(before !== undefined, (query) =>
      query.where((where) =>
        where.or([
          where("requested_at_ms", "<", before?.requestedAtMs ?? 0),
          where.and([where("requested_at_ms", "=", before?.requestedAtMs ?? 0), where("id", ">", before?.id ?? "")]),
        ]),
      ),
    )
    .orderBy("requested_at_ms", "desc")
    .orderBy("id")
    .limit(limit)
    .execute();
  const votes = await readVotes(
    reader,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => fromRow(row, votes.get(row.id) ?? []));
}

/** How many of this requester's wait. */
export async function countWaiting(reader: Reader, requester: string): Promise<number> {
  const { count } = await reader
    .withTables<ApprovalTables>()
    .selectFrom("approvals")
    .select(({ fn }) => fn.countAll().as("count"))
    .where("requester", "=", requester)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** False when the same person has voted before. */
export async function addVote(transaction: Transaction, id: string, vote: ApprovalVote): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await transaction
    .withTables<ApprovalTables>()
    .insertInto("approval_votes")
    .values({
      approval: id,
      voter: vote.voter,
      voter_name: vote.voterName,
      verdict: vote.verdict,
      reason: vote.reason,
      at_ms: vote.atMs,
      via: vote.from?.via ?? null,
      address: vote.from?.address ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Ends a request that waits; false when it does not. */
export async function endApproval(
  transaction: Transaction,
  id: string,
  state: "done" | "rejected" | "expired",
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<ApprovalTables>()
    .updateTable("approvals")
    .set({ state, decided_at_ms: nowMs })
    .where("id", "=", id)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Ids of requests that wait although their time is over. */
export async function readOverdue(reader: Reader, nowMs: number): Promise<readonly string[]> {
  const rows = await reader
    .withTables<ApprovalTables>()
    .selectFrom("approvals")
    .select("id")
    .where("state", "=", "waiting")
    .where("expires_at_ms", "<=", nowMs)
    .limit(1000)
    .execute();
  return rows.map(({ id }) => id);
}

async function readVotes(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, ApprovalVote[]>> {
  const votes = new Map<string, ApprovalVote[]>();
  if (ids.length === 0) return votes;
  const rows = await reader
    .withTables<ApprovalTables>()
    .selectFrom("approval_votes")
    .selectAll()
    .where("approval", "in", ids)
    .orderBy("at_ms")
    .orderBy("voter")
    .execute();
  for (const row of rows) {
    const vote: ApprovalVote = {
      voter: row.voter,
      voterName: row.voter_name,
      verdict: row.verdict as ApprovalVote["verdict"],
      reason: row.reason,
      atMs: epochMs(row.at_ms),
      from:
        row.via === null || row.address === null
          ? undefined
          : { via: row.via as Principal["via"], address: row.address },
    };
    votes.set(row.approval, [...(votes.get(row.approval) ?? []), vote]);
  }
  return votes;
}

function fromRow(row: Row, votes: readonly ApprovalVote[]): Approval {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    summary: row.summary,
    digest: row.digest,
    resource: JSON.parse(row.resource) as Resource,
    organisation: row.organisation ?? undefined,
    requester: row.requester,
    requesterName: row.requester_name,
    needed: row.needed,
    approvers: row.approvers === null ? undefined : (JSON.parse(row.approvers) as string[]),
    state: row.state as Approval["state"],
    requestedAtMs: epochMs(row.requested_at_ms),
    expiresAtMs: epochMs(row.expires_at_ms),
    decidedAtMs: row.decided_at_ms === null ? undefined : epochMs(row.decided_at_ms),
    votes,
  };
}
