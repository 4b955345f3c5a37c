import { AssayError, integrityHex } from "@assay/core";
import { blobKey } from "../../platform/blobs/key.ts";
import { requireWrite } from "../changes/allow-write.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { createArchiveLists } from "./archive-lists.ts";
import { prepareApproved, publishApproved } from "./approve.ts";
import { drop, expire } from "./drop.ts";
import { noteStage } from "./note.ts";
import { putStage, type StagingOptions } from "./put.ts";
import { review } from "./review.ts";
import { approveTogether, rejectTogether, stageApprovals } from "./people.ts";
import { maySee, see, shown } from "./see.ts";
import type { Staging } from "./stage.ts";
import { readOverdue, readStageNames, readStages, type StoredStage } from "./store.ts";
import type { PackageName } from "@assay/core";

const overdueEveryMs = 60_000;

/** Stages as rows, and their tarballs as held blobs. */
export function createStaging(deps: PublishingDeps, options: StagingOptions): Staging {
  const { database, clock, checksums, names, permissions, telemetry } = deps;
  const lists = createArchiveLists(deps, options.examining.limits);

  async function endOverdue(): Promise<void> {
    for (const stage of await readOverdue(database.read, clock.now()))
      await database.write(async (transaction) => {
        const overdue = await readOverdue(transaction, clock.now(), stage);
        if (overdue.some(({ id }) => id === stage.id)) await expire(deps, transaction, stage);
      });
  }

  return {
    put: (writer, name, body) => putStage(deps, writer, name, body, options),

    async list(principal, { name, page, perPage }) {
      if (principal.kind === "anonymous")
        throw new AssayError("UNAUTHORIZED", { reason: "staged versions are listed for who is signed in" });
      const seen = new Map<PackageName, boolean>();
      const visible: string[] = [];
      for (const row of await readStageNames(database.read, name, clock.now())) {
        const may = seen.get(row.name) ?? (await maySee(deps, principal, row.name));
        seen.set(row.name, may);
        if (may) visible.push(row.id);
      }
      const stages = await readStages(database.read, visible.slice(page * perPage, (page + 1) * perPage));
      return { stages: stages.map((stage) => shown(deps, stage)), total: visible.length };
    },

    find: async (principal, id) => shown(deps, await see(deps, principal, id)),

    async open(principal, id) {
      const { integrity } = await see(deps, principal, id);
      const key = blobKey("tarball", "sha512", integrityHex(integrity));
      const blob = await deps.blobs.open(key);
      if (blob === undefined) throw new AssayError("BLOB_CORRUPT", { key, reason: "it is not stored" });
      return blob;
    },

    async mayDecide(principal, { name, actor }) {
      const { allowed: approve } = await permissions.decide(principal, "approve", { kind: "package", name });
      const isPerson = principal.kind === "person";
      return { approve: approve && isPerson, reject: isPerson && (approve || actor.id === principal.id) };
    },

    async approve(decider, id) {
      const { principal } = decider;
      const stage = await see(deps, principal, id);
      const by = await requireWrite(deps, principal, "approve", stage.name);
      if (await approveTogether(deps, decider, stage)) return shown(deps, stage);
      await decider.confirm(decision("approve", stage), stage.name);
      const ready = await prepareApproved(deps, stage, principal, options.examining.rulesOf);
      const isNew = await database.write((transaction) => publishApproved(deps, transaction, ready, by));
      deps.hostedChanged(stage.name);
      if (isNew) await names.changed();
      await checksums.lookup(stage.name, stage.version, new AbortController().signal);
      return shown(deps, stage);
    },

    async reject(decider, id, reason = "") {
      const { principal } = decider;
      const stage = await see(deps, principal, id);
      const takesBack = stage.actor.id === principal.id;
      const by = await requireWrite(deps, principal, takesBack ? "stage" : "approve", stage.name);
      if (await rejectTogether(deps, decider, stage, reason)) return shown(deps, stage);
      await decider.confirm(decision("reject", stage), stage.name);
      await database.write(async (transaction) => {
        await drop(deps, transaction, stage);
        await noteStage(deps, transaction, "rejected", stage, by);
      });
      return shown(deps, stage);
    },

    approvalHandler: stageApprovals(deps, options.examining.rulesOf),

    review: (principal, id) => review(deps, principal, id, lists),

    async run(signal) {
      while (!signal.aborted) {
        try {
          await endOverdue();
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("staged versions whose time is over cannot be dropped", {
            "error.message": String(error),
          });
        }
        await clock.sleep(overdueEveryMs, signal).catch(() => undefined);
      }
    },
  };
}

/** What a person proves to want: this decision about this stage, and no other. */
function decision(what: "approve" | "reject", { id, name, version }: StoredStage) {
  return { what: `${what} the staged ${name}@${version}`, exactly: `${what} stage ${id}` };
}
