/** What `assay doctor` says of what organisations have, and may have. */
import type { Config } from "./config/config.ts";
import { fine, warning, type DoctorFinding } from "./doctor-finding.ts";
import type { Reader } from "./platform/database/database.ts";
import { amount, measures, quotaOf, readUsages } from "./publishing/publishing.ts";

/** The part of a quota from which on somebody should know. */
const nearly = 0.9;

/** One finding for each organisation that is counted and has a quota. */
export async function* checkQuotas(
  { read }: { readonly read: Reader },
  { publish }: { readonly publish: Pick<Config["publish"], "quotas"> },
): AsyncGenerator<DoctorFinding, void, undefined> {
  if (publish.quotas.length === 0) return;
  for (const [organisation, used] of await readUsages(read)) {
    const quota = quotaOf(publish.quotas, organisation);
    const limited = measures.flatMap((measure) => {
      const most = quota[measure];
      if (most === undefined) return [];
      const words = `${amount(measure, used[measure])} of ${amount(measure, most)}`;
      return [{ words, isNearly: used[measure] >= nearly * most }];
    });
    if (limited.length === 0) continue;
    const words = `The organisation ${organisation} has ${limited.map((one) => one.words).join(", ")}.`;
    yield limited.some(({ isNearly }) => isNearly)
      ? warning("quotas", words, "Raise its publish.quotas, or have it take back what it does not need.")
      : fine("quotas", words);
  }
}
