/**
 * Writes the `.expect.json` of good lockfile vectors that have none yet, for a person to review:
 * `node packages/verify/test/write-expectations.ts`.
 */
import { existsSync, writeFileSync } from "node:fs";
import { lockfileVectors, parseVector } from "./lockfile-vectors.ts";

for (const vector of lockfileVectors("good")) {
  if (existsSync(vector.expected)) continue;
  const { format, packages, unpinned, unverifiable, skipped } = parseVector(vector);
  const expected = { format, packages, unpinned, unverifiable, skipped };
  writeFileSync(vector.expected, `${JSON.stringify(expected, undefined, 2)}\n`);
  console.log(vector.expected.pathname);
}
