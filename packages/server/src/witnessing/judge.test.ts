import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { equalBytes, parseCheckpoint, parseNote, verifier, verifyFork, type Sha256 } from "@assay/core";
import { createTinyLog, type TinyLog } from "@assay/testkit/tiny-log";
import fc from "fast-check";
import { judge, type SignedTree } from "./judge.ts";
import { grow } from "./test-witness.ts";

const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

/** Three logs with one key: one history, and two that leave it at 3 and at 8. */
async function histories(): Promise<readonly TinyLog[]> {
  const log = grow(await createTinyLog({}), 20);
  return [log, grow(log.fork(3), 17, "b"), grow(log.fork(8), 12, "c")];
}

async function treeOf(log: TinyLog, size: number): Promise<SignedTree> {
  const note = await log.checkpoint(size);
  return { ...parseCheckpoint(parseNote(note).text), note };
}

test("whatever is asked in whatever order, all that is cosigned is one history, and evidence is true", async () => {
  const logs = await histories();
  const key = await verifier(logs[0]?.vkey ?? "");
  const trees = await Promise.all(
    logs.map((log) => Promise.all(Array.from({ length: 21 }, (_, size) => treeOf(log, size)))),
  );
  const asks = fc.array(
    fc.record({ log: fc.nat(2), proofOf: fc.nat(2), from: fc.nat(20), size: fc.nat(20), honest: fc.boolean() }),
    { minLength: 1, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(asks, async (sequence) => {
      const cosigned: { readonly log: number; readonly tree: SignedTree }[] = [];
      for (const { log, proofOf, from, size, honest } of sequence) {
        const tree = trees[log]?.[size];
        const prover = logs[honest ? log : proofOf];
        if (tree === undefined || prover === undefined) continue;
        const last = cosigned.at(-1)?.tree;
        const oldSize = honest ? (last?.size ?? 0) : from;
        const proof = oldSize <= size ? await prover.consistency(oldSize, size) : [];
        const atSize = cosigned.findLast((each) => each.tree.size === size)?.tree;
        const verdict = judge(sha256, { last, atSize }, { oldSize, proof, tree });
        if ("fork" in verdict && verdict.fork !== undefined)
          assert.ok(await verifyFork(sha256, verdict.fork, key), "evidence that proves nothing");
        if (verdict.outcome === "conflict") assert.equal(verdict.size, last?.size ?? 0);
        if (verdict.outcome === "cosign") cosigned.push({ log, tree });
      }
      const newest = cosigned.at(-1);
      for (const { tree } of cosigned) {
        const same = trees[newest?.log ?? 0]?.[tree.size];
        assert.ok(same !== undefined && equalBytes(same.root, tree.root), "two histories were cosigned");
      }
    }),
    { numRuns: 300, seed: 20_263 },
  );
});
