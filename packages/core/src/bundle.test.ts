import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { bundleDocument, bundleLimits, isAssayError, parseBundle } from "@assay/core";

const hash = `${"A".repeat(43)}=`;
const log = {
  origin: "log.example/npm",
  checkpoint: "note",
  records: [
    { index: 3, text: "a\n" },
    { index: 4, text: "b\n" },
  ],
  hashes: [hash],
};
const [firstRecord] = log.records;
const good = {
  format: "assay-bundle/v1",
  bundles: [log],
  missing: [{ name: "@scope/pkg", version: "1.0.0" }],
};

test("a bundle is read and written as it was", () => {
  equal(JSON.stringify(bundleDocument(parseBundle(good))), JSON.stringify(good));
});

test("a bundle with anything else than its members, in type and order and within limits, is refused", () => {
  const withLog = (change: object): object => ({ ...good, bundles: [{ ...log, ...change }] });
  const bad: Record<string, unknown> = {
    null: null,
    "a list": [good],
    "a class instance": new Map(Object.entries(good)),
    "another format": { ...good, format: "assay-bundle/v2" },
    "a member too many": { ...good, more: 1 },
    "a member missing": { format: good.format, bundles: [] },
    "bundles of another type": { ...good, bundles: {} },
    "too many logs": {
      ...good,
      bundles: Array.from({ length: bundleLimits.logs + 1 }, (_, i) => ({ ...log, origin: `o${i}` })),
    },
    "an origin twice": { ...good, bundles: [log, log] },
    "an origin of another type": withLog({ origin: 1 }),
    "a member too many in a log": withLog({ more: 1 }),
    "no records": withLog({ records: [] }),
    "too many records": withLog({
      records: Array.from({ length: bundleLimits.records + 1 }, (_, index) => ({ index, text: "" })),
    }),
    "records out of order": withLog({ records: log.records.toReversed() }),
    "a record twice": withLog({ records: [firstRecord, firstRecord] }),
    "an index as text": withLog({ records: [{ index: "3", text: "a\n" }] }),
    "a negative index": withLog({ records: [{ index: -1, text: "a\n" }] }),
    "an index of 2^53": withLog({ records: [{ index: 2 ** 53, text: "a\n" }] }),
    "too long a text": withLog({ records: [{ index: 3, text: "a".repeat(4097) }] }),
    "too long a text in bytes": withLog({ records: [{ index: 3, text: "ä".repeat(2049) }] }),
    "a lone surrogate": withLog({ records: [{ index: 3, text: "\ud800" }] }),
    "a short hash": withLog({ hashes: ["AAAA"] }),
    "a hash with stray bits": withLog({ hashes: [`${"A".repeat(42)}B=`] }),
    "too many hashes": withLog({ hashes: Array(2 * bundleLimits.hashesPerRecord + 1).fill(hash) }),
    "a checkpoint of another type": withLog({ checkpoint: {} }),
    "too large a checkpoint": withLog({ checkpoint: "x".repeat(1024 * 1024 + 1) }),
    "too many missing": { ...good, missing: Array.from({ length: bundleLimits.missing + 1 }, () => good.missing[0]) },
    "a missing entry with more": { ...good, missing: [{ ...good.missing[0], more: 1 }] },
  };
  for (const [what, json] of Object.entries(bad)) {
    throws(
      () => parseBundle(json),
      (error) => isAssayError(error, "BAD_FORMAT"),
      what,
    );
  }
  const entry = (name: string, version: string): object => ({ ...good, missing: [{ name, version }] });
  throws(
    () => parseBundle(entry("../a", "1")),
    (error) => isAssayError(error, "BAD_NAME"),
  );
  throws(
    () => parseBundle(entry("a", "../1")),
    (error) => isAssayError(error, "BAD_VERSION"),
  );
});
