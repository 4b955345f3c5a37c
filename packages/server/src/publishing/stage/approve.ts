import { anonymous, type Doer, type Principal } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { HeldRelease } from "../../admission/admission.ts";
import { addRelease, type ListedRelease } from "../publish/add-release.ts";
import { authoriseContent } from "../publish/authorise-content.ts";
import { listRelease, type Authorship, type CommitDeps, type Passed } from "../publish/commit.ts";
import { checkProvenance } from "../publish/provenance.ts";
import type { ContentRulesOf } from "../publish/content-rules.ts";
import { validate } from "../publish/validate.ts";
import { drop } from "./drop.ts";
import { noteStage } from "./note.ts";
import type { WholeStage } from "./store.ts";

/** A stage whose publishing needs nothing more but a transaction. */
export interface ReadyStage {
  readonly stage: WholeStage;
  readonly passed: Passed;
  readonly listed: ListedRelease;
  readonly release: HeldRelease;
  readonly authorship: Authorship;
}

/**
 * All of a publish that is left before its transaction: what may have changed since it was staged is asked again, and
 * the manifest that names the approver and the provenance are made durable; wanted by nobody, it is an orphan.
 */
export async function prepareApproved(
  deps: Pick<PublishingDeps, "names" | "admission" | "permissions">,
  stage: WholeStage,
  approver: Pick<Principal, "name">,
  rulesOf: ContentRulesOf,
): Promise<ReadyStage> {
  const { request, archive } = stage;
  const authorship = { ...stage.authorship, owner: await ownerNow(deps, stage) };
  authoriseContent(deps.names, request);
  // How it is called was judged when it was staged.
  validate(request, "there");
  const passed = { request, archive, provenance: checkProvenance(request, rulesOf(stage.name).provenance) };
  const { listed, release } = listRelease(passed, {
    publisher: {
      name: stage.actor.name,
      email: "",
      ...authorship.publisher,
      approver: { name: approver.name, email: "" },
    },
  });
  await deps.admission.prepareHeld(release);
  return { stage, passed, listed, release, authorship };
}

/** Whoever lost the right meanwhile does not become the owner of a new package. */
async function ownerNow(
  { permissions }: Pick<PublishingDeps, "permissions">,
  { actor, authorship, name }: WholeStage,
): Promise<string | undefined> {
  if (authorship.owner === undefined) return undefined;
  const asked = { ...anonymous(""), ...actor, via: "session" } as const;
  const { allowed: mayStage } = await permissions.decide(asked, "stage", { kind: "package", name });
  return mayStage ? authorship.owner : undefined;
}

/**
 * Publishes a stage, in one transaction with its end: a crash leaves the one or the other. Answers whether the package is
 * new. Throws CONFLICT when somebody else has just decided.
 */
export async function publishApproved(
  deps: CommitDeps,
  transaction: Transaction,
  { stage, passed, listed, release, authorship }: ReadyStage,
  approver: Doer,
): Promise<boolean> {
  const { content } = stage;
  const isNew = await deps.admission.bindHeld(transaction, release, async () => {
    await drop(deps, transaction, stage);
    return await addRelease(deps, transaction, { ...passed, listed, content, authorship, approver: approver.id });
  });
  await noteStage(deps, transaction, "approved", stage, approver);
  return isNew;
}
