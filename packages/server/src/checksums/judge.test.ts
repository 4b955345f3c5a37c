import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, type Judgement, type Observation } from "./judge.ts";
import { bindFacts } from "./test-log.ts";

const bound = bindFacts(1);
const other = bindFacts(2);
const conflict = (
  difference: "recompressed" | "files" | "bytes" | "manifest",
  severity: "low" | "high",
): Judgement => ({
  follows: "conflict",
  difference,
  severity,
});

const served: Observation = {
  source: bound.source,
  integrity: bound.integrity,
  tree: bound.tree,
  manifest: bound.manifest,
  from: "bytes",
};
const listed: Observation = { ...served, tree: undefined, from: "listing" };

/** One test a cell: what stands, what was observed, what follows. */
const cells: readonly [name: string, isBound: boolean, observed: Observation, expected: Judgement][] = [
  ["nothing stands, bytes came", false, served, { follows: "bind" }],
  ["nothing stands, a listing came", false, listed, { follows: "bind" }],
  ["bound, the same bytes from where they were bound", true, served, { follows: "nothing" }],
  ["bound, the same bytes from another source", true, { ...served, source: "mirror" }, { follows: "confirm" }],
  ["bound, the same listing from anywhere", true, { ...listed, source: "mirror" }, { follows: "nothing" }],
  [
    "bound, a listing without a sha512 and with the same manifest",
    true,
    { ...listed, integrity: undefined },
    { follows: "nothing" },
  ],
  [
    "bound, other bytes with the same files",
    true,
    { ...served, integrity: other.integrity },
    conflict("recompressed", "low"),
  ],
  [
    "bound, other bytes with other files",
    true,
    { ...served, integrity: other.integrity, tree: other.tree },
    conflict("files", "high"),
  ],
  [
    "bound, other bytes of which nobody looked at the files",
    true,
    { ...served, integrity: other.integrity, tree: undefined, manifest: undefined },
    conflict("bytes", "high"),
  ],
  ["bound, a listing of other bytes", true, { ...listed, integrity: other.integrity }, conflict("bytes", "high")],
  [
    "bound, a listing with another dependency list over the same bytes",
    true,
    { ...listed, manifest: other.manifest },
    conflict("manifest", "high"),
  ],
  [
    "bound, a listing without a sha512 and with another dependency list",
    true,
    { ...listed, integrity: undefined, manifest: other.manifest },
    conflict("manifest", "high"),
  ],
  [
    "bound, the same files re-compressed under another dependency list",
    true,
    { ...served, integrity: other.integrity, manifest: other.manifest },
    conflict("manifest", "high"),
  ],
  [
    "bound, other files under another dependency list",
    true,
    { ...served, integrity: other.integrity, tree: other.tree, manifest: other.manifest },
    conflict("files", "high"),
  ],
];

for (const [name, isBound, observed, expected] of cells)
  test(`decision: ${name}`, () => {
    assert.deepEqual(judge(isBound ? bound : undefined, observed), expected);
  });
