import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { createAuditing } from "./sources.ts";

test("an auditor counts for the names that it is asked for, and for no others", () => {
  const url = "http://127.0.0.1:1";
  const auditingOf = createAuditing([
    upstreamConfig({ url, auditorsNeeded: 2 }),
    upstreamConfig({ url, name: "lab", kind: "auditor", of: "npm", names: ["*"] }),
    upstreamConfig({ url, name: "office", kind: "auditor", of: "npm", names: ["@acme/*"] }),
    upstreamConfig({ url, name: "other", names: ["right"] }),
  ]);
  const of = (name: string) => auditingOf(parsePackageName(name));
  assert.deepEqual(of("@acme/left"), { needed: 2, auditors: ["lab", "office"] });
  assert.deepEqual(of("left"), { needed: 1, auditors: ["lab"] });
  assert.equal(of("right"), undefined);
});
