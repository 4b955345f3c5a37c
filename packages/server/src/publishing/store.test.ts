import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, type Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { publishingMigrations } from "./migrations.ts";
import { addAttestation, addVersion, attestationsOf, setUnpublished } from "./store.ts";

onEveryDatabase("rows of what is published", ({ fresh }) => {
  test("attestations go with their version, and stay with the others", async () => {
    const database = await fresh(publishingMigrations);
    const name = parsePackageName("@acme/ui");
    const [first, second] = ["1.0.0", "2.0.0"] as Version[];
    assert.ok(first !== undefined && second !== undefined);
    await database.write(async (transaction) => {
      for (const version of [first, second]) {
        const row = { name, version, manifest: "{}", integrity: "", content: "", readme: null, published_at_ms: 1 };
        const more = { published_by: "person:ada", deprecated: null, unpublished_at_ms: null, digest: null };
        assert.ok(await addVersion(transaction, { ...row, ...more }));
        await addAttestation(transaction, { name, version, predicate_type: "p", digest: `of ${version}` });
      }
      await setUnpublished(transaction, name, first, 2);
    });
    assert.deepEqual(await attestationsOf(database.read, name, first), []);
    assert.deepEqual(await attestationsOf(database.read, name, second), [{ predicate_type: "p", digest: "of 2.0.0" }]);
  });
});
