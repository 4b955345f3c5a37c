import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { identityTestMigrations } from "../test-identity.ts";
import { createTestFacts, person, ci } from "../permissions/test-facts.ts";
import type { Principal } from "../principal.ts";
import { exclusiveRefusal } from "./exclusive.ts";
import { setTrustedOnly, unsetTrustedOnly } from "./store.ts";
import type { TrustSubject } from "./rules.ts";

onEveryDatabase("packages of trusted CI alone", (databases) => {
  const name = parsePackageName("@acme/secret");

  for (const subject of [
    { kind: "package", name },
    { kind: "organisation", name: "acme" },
  ] satisfies readonly TrustSubject[]) {
    test(`a person is told how, CI is let through: by ${subject.kind}`, async () => {
      const database = await databases.fresh(...identityTestMigrations);
      const { names } = createTestFacts();
      const refusal = (who: Principal) => exclusiveRefusal({ database, names }, who, name);
      assert.equal(await refusal(person("otto")), undefined);
      await database.write((transaction) => setTrustedOnly(transaction, subject, "person:olga", 1));
      await database.write((transaction) => setTrustedOnly(transaction, subject, "person:olga", 2));
      const refused = await refusal(person("otto"));
      assert.equal(refused?.policy, "trusted-publishers-only");
      assert.match(refused.reason, /published by trusted CI alone: let its workflow run npm publish/);
      assert.equal(await refusal(ci("r1")), undefined);
      await database.write((transaction) => unsetTrustedOnly(transaction, subject));
      assert.equal(await refusal(person("otto")), undefined);
    });
  }
});
