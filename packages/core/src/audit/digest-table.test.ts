import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { createDigestTable } from "./digest-table.ts";

const digest = (key: number) => createHash("sha256").update(String(key)).digest();

test("holds what a map holds, however it grows, is overwritten and cleared", () => {
  const action = fc.tuple(fc.nat(4000), fc.maxSafeNat(), fc.maxSafeNat());
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 200, arbitrary: action }, fc.constant("clear" as const)), {
        maxLength: 3000,
        size: "max",
      }),
      (actions) => {
        const table = createDigestTable();
        const map = new Map<number, [number, number]>();
        for (const next of actions) {
          if (next === "clear") {
            table.clear();
            map.clear();
            continue;
          }
          const [key, first, second] = next;
          table.set(digest(key), first, second);
          map.set(key, [first, second]);
        }
        assert.equal(table.size, map.size);
        for (let key = 0; key <= 4000; key += 7) {
          const row = table.get(digest(key));
          assert.deepEqual(row && [row.first, row.second], map.get(key));
        }
      },
    ),
    { numRuns: 20, seed: 20_263 },
  );
});

test("keys that share their first bytes are told apart", () => {
  const table = createDigestTable();
  const key = (last: number) => Uint8Array.from({ length: 32 }, (_, i) => (i === 15 ? last : 7));
  for (let i = 0; i < 200; i++) table.set(key(i), i, -i);
  for (let i = 0; i < 200; i++) assert.deepEqual(table.get(key(i)), { first: i, second: -i });
  assert.equal(table.get(key(200)), undefined);
});
