/** Outcomes of tests that documents quote: `docs/generated/<name>.json`, written by the tests themselves. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const folder = path.join(import.meta.dirname, "..", "..", "..", "docs", "generated");

/**
 * Fails when what was observed is not what is recorded. With `ASSAY_RECORD=1` it is recorded instead; then
 * `node tools/faq-tables.ts` renews the documents.
 */
export function assertRecorded(name: string, observed: unknown): void {
  const file = path.join(folder, `${name}.json`);
  const text = `${JSON.stringify(observed, null, 2)}\n`;
  if (process.env["ASSAY_RECORD"] === "1") {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  assert.deepEqual(
    JSON.parse(text),
    JSON.parse(readFileSync(file, "utf8")),
    `${name} came out otherwise than docs/generated/${name}.json says: if that is right, run this test with ASSAY_RECORD=1, then node tools/faq-tables.ts`,
  );
}
