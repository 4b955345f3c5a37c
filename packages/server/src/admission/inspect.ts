import { AssayError } from "@assay/core";
import { isWorkerLimit, type Workers } from "../platform/workers/workers.ts";
import { inspectArchive, inspectTask, type InspectInput, type InspectVerdict } from "./inspect-archive.ts";

/** What a look inside an archive found out. */
export type Inspection = Extract<InspectVerdict, { readonly verdict: "accepted" }>;

/** Archives and manifests up to this many bytes take less time than the way to a thread. */
const inlineBytes = 64 * 1024;

/**
 * Fourth and fifth step: read the archive strictly, then compare its package.json with the listing; in a thread,
 * so that a hostile archive stalls nobody. `fragmentLength` says how much manifest there is to compare. Reads the
 * download where it is; a crash leaves what `download` leaves. Throws BLOCKED.
 */
export async function inspect(
  deps: { readonly workers: Workers },
  input: InspectInput,
  fragmentLength: number,
): Promise<Inspection> {
  const { name, version } = input;
  const inspected = await inspectSomewhere(deps, input, fragmentLength);
  if (inspected.verdict === "accepted") return inspected;
  throw new AssayError("BLOCKED", { name, version, rule: inspected.rule, reason: inspected.reason });
}

async function inspectSomewhere(
  { workers }: { readonly workers: Workers },
  input: InspectInput,
  fragmentLength: number,
): Promise<InspectVerdict> {
  if (Math.max(input.sizeBytes, fragmentLength) <= inlineBytes) return inspectArchive(input);
  try {
    return await workers.run(inspectTask, input);
  } catch (cause) {
    if (!isWorkerLimit(cause)) throw cause;
    return { verdict: "refused", rule: "archive/memory", reason: "reading it takes too much memory" };
  }
}
