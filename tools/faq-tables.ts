/**
 * Keeps the tables of docs/faq.md and docs/operations/lockfiles.md equal to what tests recorded: `node tools/faq-tables.ts` writes them,
 * `--check` only compares and exits 1 when one differs. A table stands between two comments:
 * `<!-- table: <name> -->` and `<!-- end of table -->`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { claimTables } from "./faq/claims.ts";
import { flowTables } from "./faq/flows.ts";
import { lieTables } from "./faq/lies.ts";
import { lockfileUrlTables } from "./faq/lockfile-urls.ts";
import { replaceTables, type Tables } from "./faq/tables.ts";

const repository = path.join(import.meta.dirname, "..");

/** What a test recorded in docs/generated. */
function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(repository, "docs", "generated", `${name}.json`), "utf8"));
}

const documents: Readonly<Record<string, Tables>> = {
  "docs/faq.md": {
    ...flowTables(recorded("client-flows"), recorded("lockfiles")),
    ...lieTables(recorded("lies")),
    ...claimTables(JSON.parse(readFileSync(path.join(repository, "docs", "claims.json"), "utf8")), recorded("claims")),
  },
  "docs/operations/lockfiles.md": lockfileUrlTables(recorded("lockfile-urls")),
};

for (const [where, tables] of Object.entries(documents)) {
  const document = path.join(repository, where);
  const before = readFileSync(document, "utf8");
  const after = replaceTables(where, before, tables);
  if (!process.argv.includes("--check")) writeFileSync(document, after);
  else if (before !== after) {
    console.log(`${where} does not say what tests recorded in docs/generated: run node tools/faq-tables.ts`);
    process.exitCode = 1;
  }
}
