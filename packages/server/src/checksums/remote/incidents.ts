import { hash } from "node:crypto";
import { encodeUtf8 } from "@assay/core";
import type { Evidence } from "@assay/verify";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { setRemoteFork } from "../store-remotes.ts";

export interface IncidentDeps {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly events: Events;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Keeps what shows that a log, or whoever stands before it, was caught. */
export interface Incidents {
  /**
   * Keeps the evidence as the blob `incident/<sha256>`, with an event and a line in the log. `subject` is what it is
   * about: of one kind and subject one in ten minutes, so that a log that is down for a day is not a thousand events.
   * A fork is marked on its key, after which nothing new is taken from it, in this process and every other.
   *
   * A crash between blob and row leaves a blob that nobody refers to; the next time it is found again.
   */
  keep(evidence: Evidence, subject: string): Promise<void>;
}

const quietMs = 600_000;
const mostSubjects = 1_000;

/** Of evidence: docs/formats/evidence.md. */
export function createIncidents(deps: IncidentDeps): Incidents {
  const { database, blobs, events, clock, telemetry } = deps;
  const counter = telemetry.metrics.counter(
    "assay_remote_log_incidents_total",
    "Times that a followed log, or what is served of it, was refused, by kind of evidence.",
    ["kind"],
  );
  const quietUntilMs = new Map<string, number>();

  function isQuiet(key: string): boolean {
    if ((quietUntilMs.get(key) ?? 0) > clock.monotonicMs()) return true;
    quietUntilMs.delete(key);
    quietUntilMs.set(key, clock.monotonicMs() + quietMs);
    const oldest = quietUntilMs.keys().next().value;
    if (quietUntilMs.size > mostSubjects && oldest !== undefined) quietUntilMs.delete(oldest);
    return false;
  }

  return {
    async keep(evidence, subject) {
      const { kind = "", vkey = "", sentence = "" } = evidence;
      counter.add(1, { kind });
      if (kind !== "fork" && isQuiet(`${kind} ${vkey} ${subject}`)) return;
      const bytes = encodeUtf8(`${JSON.stringify(evidence, undefined, 2)}\n`);
      const sha256 = hash("sha256", bytes, "hex");
      const key = blobKey("incident", "sha256", sha256);
      await blobs.put(key, bytes, { sizeBytes: bytes.length, sha256 });
      const isNew = await database.write(async (transaction) => {
        if (kind === "fork" && !(await setRemoteFork(transaction, vkey, key))) return false;
        const event = kind === "fork" ? "log.forked" : kind === "differs" ? "log.differs" : "log.refused";
        await events.record(transaction, { kind: event, subject, data: { kind, vkey, evidence: sha256 } });
        return true;
      });
      if (isNew)
        telemetry.log.error("a followed log is refused", { "log.kind": kind, reason: sentence, evidence: key });
    },
  };
}
