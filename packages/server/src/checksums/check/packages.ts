import type { RecordAudit } from "@assay/core";
import type { Database } from "../../platform/database/database.ts";
import { packagesPage } from "../store.ts";
import type { EntryRange } from "./entries.ts";
import type { Report } from "./report.ts";

/** Rows read at a time. */
const pageSize = 4096;

/** The table of packages says of every package that was followed where its last record is. */
export async function checkPackages(
  { database }: { readonly database: Database },
  { shard, from, size }: EntryRange,
  { ns, audit }: { readonly ns: string; readonly audit: RecordAudit },
  report: Report,
): Promise<void> {
  let found = 0;
  let after: string | undefined;
  for (;;) {
    const rows = await packagesPage(database.read, shard, after, pageSize);
    for (const { name, seq, lastIdx } of rows) {
      if (lastIdx < from || !audit.follows(ns, name)) continue;
      found += 1;
      // The sequencer is ahead of the tree that was looked at.
      if (lastIdx >= size) continue;
      const last = audit.lastOf(ns, name);
      if (last?.seq !== seq || last.index !== lastIdx)
        report.error(
          `the last record of ${name || "the log"} is ${last?.index ?? "none"}, but the table of packages differs`,
        );
    }
    after = rows.at(-1)?.name;
    if (after === undefined) break;
  }
  if (found < audit.packages) report.error(`${audit.packages - found} packages are not in the table of packages`);
}
