import type { Database } from "../../platform/database/database.ts";
import { bindKey } from "../claim-keys.ts";
import { bindOfClaim } from "../claim-text.ts";
import { recordsAt } from "../store.ts";
import { claimsPage, newestClaimId, placedClaims } from "../store-claims.ts";
import type { StoredClaim } from "../store-claims.ts";
import { createReport } from "./report.ts";
import type { LogFinding, Report } from "./report.ts";

/** Claims read at a time. */
const pageSize = 4096;

/**
 * Every sequenced claim is the beginning of the record at its place, and the claim of a bind has the key that makes
 * it unique. `newest`: only about this many.
 */
export async function checkClaims(
  { database }: { readonly database: Database },
  log: string,
  newest: "all" | number,
  onChecked: (count: number) => void,
): Promise<readonly LogFinding[]> {
  const report = createReport(log);
  const { read } = database;
  let after = newest === "all" ? 0 : Math.max(0, (await newestClaimId(read, log)) - newest);
  for (;;) {
    const claims = await claimsPage(read, log, after, pageSize);
    const places = Map.groupBy(
      claims.filter((claim) => claim.shard !== null),
      (claim) => claim.shard ?? "",
    );
    for (const [shard, placed] of places) {
      const indexes = placed.map((claim) => claim.idx ?? -1);
      const records = await recordsAt(read, shard, indexes);
      for (const claim of placed) checkClaim(claim, records.get(claim.idx ?? -1), report);
    }
    const last = claims.at(-1);
    if (last === undefined) return report.findings;
    after = last.id;
    onChecked(claims.length);
  }
}

function checkClaim(claim: StoredClaim, record: string | undefined, report: Report): void {
  if (record?.startsWith(claim.facts) !== true) {
    report.error(`the claim ${claim.key} is not the record ${claim.idx} of ${claim.shard}`);
    return;
  }
  if (claim.kind !== "bind") return;
  const { name, version } = bindOfClaim(claim.facts, claim.claimedAtMs);
  if (claim.key !== bindKey(name, version)) report.error(`the claim ${claim.key} binds ${name}@${version}`);
}

/** Every entry of the signed tree has its claim. */
export async function checkEveryEntryClaimed(
  { database }: { readonly database: Database },
  { shard, size }: { readonly shard: string; readonly size: number },
  report: Report,
): Promise<void> {
  const placed = await placedClaims(database.read, shard, size);
  if (placed !== size) report.error(`${size} entries are signed, and ${placed} of them have a claim`);
}
