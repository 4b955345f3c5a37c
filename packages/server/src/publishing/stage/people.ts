/** Where a rule says so, several people approve a staged version together: the one place that asks for the rule. */
import { AssayError, parseVersion } from "@assay/core";
import { doerOf, type Approval, type ApprovalHandler, type Principal } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { isJsonObject } from "../publish/json.ts";
import { prepareApproved, publishApproved, type ReadyStage } from "./approve.ts";
import type { ContentRulesOf } from "../publish/content-rules.ts";
import { dropIfThere } from "./drop.ts";
import { noteExpired, noteStage } from "./note.ts";
import type { Decider } from "./stage.ts";
import { readStage, type WholeStage } from "./store.ts";

type AskDeps = Pick<PublishingDeps, "approvals" | "names" | "entry">;

/** Kind of the approvals. */
export const approvalKind = "stage";

/** In the transaction that stages it: asks for the approval that a rule wants. Answers its id; undefined: there is no rule. */
export async function askPeople(
  { approvals, names, entry }: AskDeps,
  transaction: Transaction,
  stage: WholeStage,
  requester: Principal,
): Promise<string | undefined> {
  const { id, name, version, tags, archive } = stage;
  const organisation = names.organisationOf(name);
  const rule = approvals.ruleFor("publish", organisation);
  if (rule === undefined) return undefined;
  return await approvals.request(transaction, {
    kind: approvalKind,
    subject: `npm ${name}@${version}`,
    summary: `Publish ${name}@${version} (${entry(name, tags, false).join(", ")}): ${archive.fileCount} files, ${archive.unpackedBytes} bytes; all of it is shown at /-/web/stage/${id}`,
    digest: digestOf(stage),
    resource: { kind: "package", name },
    organisation,
    requester,
    payload: { stage: id },
    needed: rule.needed,
    approvers: rule.approvers,
  });
}

/**
 * False for a stage that whoever may approves alone. Else votes on it, and returns true when that was enough. Throws
 * CONFLICT when more people are needed, FORBIDDEN for a stage that is older than the rule, and what `Approvals.approve` does.
 */
export async function approveTogether(
  { approvals, names }: AskDeps,
  { principal, confirm }: Decider,
  stage: WholeStage,
): Promise<boolean> {
  const { name, version } = stage;
  if (stage.approval === undefined) {
    if (approvals.ruleFor("publish", names.organisationOf(name)) === undefined) return false;
    throw new AssayError("FORBIDDEN", {
      reason: `${name}@${version} was staged before people had to approve it together; reject it and stage it again`,
    });
  }
  const vote = {
    digest: digestOf(stage),
    reason: "",
    confirm: (what: Parameters<Decider["confirm"]>[0]) => confirm(what, name),
  };
  const { state, counting, needed } = await approvals.approve(principal, stage.approval, vote);
  if (state === "done") return true;
  throw new AssayError("CONFLICT", {
    reason: `your approval of ${name}@${version} is kept, ${counting.length} of ${needed}; it is published when all are there`,
  });
}

/** As `approveTogether`. */
export async function rejectTogether(
  { approvals }: AskDeps,
  { principal, confirm }: Decider,
  stage: WholeStage,
  reason: string,
): Promise<boolean> {
  if (stage.approval === undefined) return false;
  await approvals.reject(principal, stage.approval, {
    digest: digestOf(stage),
    reason: reason === "" ? "Rejected without a reason." : reason,
    confirm: (what) => confirm(what, stage.name),
  });
  return true;
}

/** What the last approval does, and the end without one. */
export function stageApprovals(deps: PublishingDeps, rulesOf: ContentRulesOf): ApprovalHandler<ReadyStage> {
  const { database, clock, names, checksums } = deps;
  return {
    async prepare({ payload, approver }) {
      const stage = await readStage(database.read, stageIn(payload), clock.now());
      if (stage === undefined) throw new AssayError("CONFLICT", { reason: "the staged version is there no more" });
      return await prepareApproved(deps, stage, approver, rulesOf);
    },
    async execute(transaction, { prepared, approver }) {
      const { name } = prepared.stage;
      await publishApproved(deps, transaction, prepared, doerOf(approver, "approve"));
      transaction.afterCommit(() => deps.hostedChanged(name));
    },
    async after({ approval }) {
      await names.changed();
      const { name, version } = releaseOf(approval);
      await checksums.lookup(name, version, new AbortController().signal);
    },
    isPointless: async (payload) => (await readStage(database.read, stageIn(payload), 0)) === undefined,
    async drop(transaction, { payload, approval, rejecter }) {
      const id = stageIn(payload);
      if (!(await dropIfThere(deps, transaction, { id }))) return;
      const stage = { id, ...releaseOf(approval) };
      if (rejecter === undefined) await noteExpired(deps, transaction, stage);
      else await noteStage(deps, transaction, "rejected", stage, doerOf(rejecter, "approve"));
    },
  };
}

/** What the people see, and approve: all that was sent, and no later stage of the same. */
function digestOf({ id, content }: Pick<WholeStage, "id" | "content">): string {
  return `stage ${id} sha256:${content}`;
}

function stageIn(payload: unknown): string {
  if (isJsonObject(payload) && typeof payload["stage"] === "string") return payload["stage"];
  throw new Error("an approval of a stage names none");
}

function releaseOf({ subject, resource }: Pick<Approval, "subject" | "resource">) {
  if (resource.kind !== "package") throw new Error("an approval of a stage is about no package");
  return { name: resource.name, version: parseVersion(subject.slice(subject.lastIndexOf("@") + 1)) };
}
