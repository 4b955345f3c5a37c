/** Where a kill hit a publish, told from what it left: no help of the server is needed. */
import type { KilledRegistry } from "./killed-registry.ts";
import type { Attempt } from "./plan.ts";

/** In the order of the pipeline. */
export const steps = ["nothing stored", "tarball stored", "committed", "placed in the log", "signed"] as const;

export type Step = (typeof steps)[number];
export type StepCounts = Record<Step | "spooled" | "blob half written", number>;

export function noSteps(): StepCounts {
  return {
    "nothing stored": 0,
    "tarball stored": 0,
    committed: 0,
    "placed in the log": 0,
    signed: 0,
    spooled: 0,
    "blob half written": 0,
  };
}

/** Counts how far each of these, which nobody heard an answer to, had come. For when no server runs. */
export async function countSteps(
  registry: KilledRegistry,
  unanswered: readonly Attempt[],
  into: StepCounts,
): Promise<void> {
  const placed = await registry.withTables(async (tables) => {
    const claims = await tables.rows(
      "select c.name, c.version, c.idx, h.size from log_claims c left join log_heads h on h.shard = c.shard where c.kind = 'bind'",
    );
    return new Map(claims.map(({ name, version, idx, size }) => [`${name}@${version}`, { idx, size }]));
  });
  const tarballs = new Set(registry.files("blobs/tarball").map((file) => file.split("/").at(-1)));
  for (const { name, version, sha512 } of unanswered) {
    const claim = placed.get(`${name}@${version}`);
    if (claim !== undefined) {
      if (claim.idx === null) into.committed += 1;
      else into[Number(claim.idx) < Number(claim.size) ? "signed" : "placed in the log"] += 1;
    } else into[tarballs.has(sha512) ? "tarball stored" : "nothing stored"] += 1;
  }
  into.spooled += registry.files("spool").length;
  into["blob half written"] += registry.files("blobs/+temporary").length;
}
