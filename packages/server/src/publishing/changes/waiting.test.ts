import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { publishingMigrations } from "../migrations.ts";
import { addVersion, putTag, setUnpublished } from "../store.ts";
import type { ChangeDeps } from "./change.ts";
import { changeHandler, type PackageChange } from "./waiting.ts";

onEveryDatabase("changes that wait", ({ fresh }) => {
  test("have nothing to wait for when the versions, or the tag, are gone", async () => {
    const database = await fresh(publishingMigrations);
    const name = parsePackageName("@acme/ui");
    const [kept, gone] = [parseVersion("1.0.0"), parseVersion("2.0.0")];
    await database.write(async (transaction) => {
      for (const version of [kept, gone]) {
        const row = { name, version, manifest: "{}", integrity: "", content: "", readme: null, published_at_ms: 1 };
        const more = { published_by: "person:ada", deprecated: null, unpublished_at_ms: null, digest: null };
        await addVersion(transaction, { ...row, ...more });
      }
      await putTag(transaction, name, "next", kept, 1);
      await setUnpublished(transaction, name, gone, 2);
    });
    // Nothing else of the room is asked.
    const { isPointless } = changeHandler({ database } as ChangeDeps, { windowHours: 72 });
    const pointless = async (change: PackageChange) => await isPointless?.(change);
    for (const [version, expected] of [
      [kept, false],
      [gone, true],
    ] as const) {
      assert.equal(await pointless({ do: "set-tag", name, tag: "latest", version }), expected);
      assert.equal(await pointless({ do: "deprecate", name, messages: { [version]: "no" } }), expected);
      assert.equal(await pointless({ do: "unpublish", name, versions: [version] }), expected);
    }
    assert.equal(await pointless({ do: "unpublish", name, versions: [gone, kept] }), false, "some are there");
    assert.equal(await pointless({ do: "delete-tag", name, tag: "next" }), false);
    assert.equal(await pointless({ do: "delete-tag", name, tag: "old" }), true);
  });
});
