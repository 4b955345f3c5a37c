import { deepEqual, ok } from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { sha256Portable, type Sha256 } from "@assay/core";
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
  ok(passed >= 27, `only ${passed} cases ran`);
});

test("every conformance case holds with the portable SHA-256", async () => {
  const { failed } = await runConformance({
    sha256: sha256Portable,
    vectors: readVectors(),
    report: () => undefined,
    everySizeTo: 300,
  });
  deepEqual(failed, []);
});
