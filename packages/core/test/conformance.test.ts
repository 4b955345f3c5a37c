import { deepEqual, ok } from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import type { Sha256 } from "@assay/core";
import { runConformance } from "./conformance.ts";
import { readVectors } from "./vector-files.ts";

const sha256Native: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

test("every conformance case holds with Node's SHA-256", async (t) => {
  const { passed, failed } = await runConformance({
    sha256: sha256Native,
    vectors: readVectors(),
    report: (name, failure) => t.diagnostic(`${failure === undefined ? "ok" : "FAILED"} ${name}`),
  });
  deepEqual(failed, []);
  ok(passed >= 58, `only ${passed} cases ran`);
});
