/**
 * Keeps the tables of docs/faq.md equal to what tests recorded: `node tools/faq-tables.ts` writes them,
 * `--check` only compares and exits 1 when one differs. A table stands between two comments:
 * `<!-- table: <name> -->` and `<!-- end of table -->`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { claimTables } from "./faq/claims.ts";
import { flowTables } from "./faq/flows.ts";
import { lieTables } from "./faq/lies.ts";
import { replaceTables, type Tables } from "./faq/tables.ts";

const repository = path.join(import.meta.dirname, "..");
const document = path.join(repository, "docs", "faq.md");

/** What a test recorded in docs/generated. */
function recorded(name: string): unknown {
  return JSON.parse(readFileSync(path.join(repository, "docs", "generated", `${name}.json`), "utf8"));
}

const tables: Tables = {
  ...flowTables(recorded("client-flows"), recorded("lockfiles")),
  ...lieTables(recorded("lies")),
  ...claimTables(JSON.parse(readFileSync(path.join(repository, "docs", "claims.json"), "utf8")), recorded("claims")),
};
const before = readFileSync(document, "utf8");
const after = replaceTables(before, tables);

if (!process.argv.includes("--check")) writeFileSync(document, after);
else if (before !== after) {
  console.log("docs/faq.md does not say what tests recorded in docs/generated: run node tools/faq-tables.ts");
  process.exitCode = 1;
}
