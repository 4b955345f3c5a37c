import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { toBase64 } from "../bytes.ts";
import { integrityFromSha512 } from "../integrity.ts";
import { logIndex, parsePackageName, parseVersion } from "../names.ts";
import { formatRecord } from "../record.ts";
import type { KnownRecord } from "../record-kinds.ts";
import { createDigestTable } from "./digest-table.ts";
import { createRecordAudit, type AuditedShard, type RecordAuditOptions } from "./record-audit.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const digest = (prefix: string) => prefix + toBase64(sha256(Buffer.from(prefix)));
const content = {
  integrity: integrityFromSha512(createHash("sha512").update("bytes").digest()),
  tree: digest("t1-"),
  manifest: digest("sha256-"),
  size: 1,
  source: "npm",
  signer: "-",
};

/** What happens in a log, without its places: package and version by number. */
type Step = readonly [kind: "bind" | "supersede" | "gone" | "tag" | "key", name: number, version: number];

interface BuiltShard {
  readonly shard: AuditedShard;
  readonly records: KnownRecord[];
}

/** A good log of these shards, as a sequencer makes it: steps that are not possible are left out. */
function build(shards: readonly (readonly Step[])[]): BuiltShard[] {
  const standing = new Map<string, number>();
  let root = toBase64(sha256(Buffer.from("0")));
  let previous: { origin: string; size: number } | undefined;
  return shards.map((steps, number) => {
    const origin = `log.example/${number}`;
    const isLast = number === shards.length - 1;
    const predecessor = previous && { origin: previous.origin, final: { size: previous.size, root } };
    const records: KnownRecord[] = [];
    const chains = new Map<string, { seq: number; prev: number }>();
    const add = (facts: object, name: string): void => {
      const chain = chains.get(name);
      const index = records.length;
      records.push({
        ...facts,
        seq: (chain?.seq ?? 0) + 1,
        prev: chain === undefined ? "-" : logIndex(chain.prev),
        time: 1000 + Math.floor(index / 3),
        nonce: "AAECAwQFBgcICQoLDA0ODw==",
      } as KnownRecord);
      chains.set(name, { seq: (chain?.seq ?? 0) + 1, prev: index });
    };
    if (predecessor !== undefined)
      add({ kind: "shard", ns: "npm", side: "predecessor", origin: predecessor.origin, ...predecessor.final }, "");
    for (const [kind, nameNumber, versionNumber] of steps) {
      const name = parsePackageName(`p${nameNumber}`);
      const version = parseVersion(`1.0.${versionNumber}`);
      const key = `${name}@${version}`;
      const subject = { ns: "npm", name, version };
      const stands = standing.get(key);
      if (kind === "bind" && stands === undefined) {
        standing.set(key, records.length);
        add({ kind, ...subject, ...content }, name);
      }
      if (kind === "supersede" && stands !== undefined) {
        standing.set(key, records.length);
        add({ kind, ...subject, ...content, supersedes: logIndex(stands), approval: digest("sha256-") }, name);
      }
      if (kind === "gone") add({ kind, ...subject, source: "npm" }, name);
      if (kind === "tag") add({ kind, ns: "npm", name, tag: "latest", from: "-", to: version, source: "npm" }, name);
      if (kind === "key")
        add(
          { kind, ns: "npm", action: "add", use: "checkpoint", owner: "hosted", keyid: "00", key: digest("sha256-") },
          "",
        );
    }
    const next = `log.example/${number + 1}`;
    if (!isLast) add({ kind: "shard", ns: "npm", side: "successor", origin: next, size: 0, root }, "");
    previous = { origin, size: records.length };
    root = toBase64(sha256(Buffer.from(origin)));
    return { shard: { isPrivate: true, from: 0, predecessor, successor: isLast ? undefined : next }, records };
  });
}

function audit(built: readonly BuiltShard[], options: Partial<RecordAuditOptions> = {}): string[] {
  const findings: string[] = [];
  const report: RecordAuditOptions["report"] = ({ index, reason }) => findings.push(`entry ${index} ${reason}`);
  const audited = createRecordAudit({ sha256 }, { part: 0, parts: 1, unknownKinds: "refuse", report, ...options });
  for (const { shard, records } of built) {
    audited.beginShard(shard);
    for (const [i, record] of records.entries()) if (i >= shard.from) audited.follow(i, formatRecord(record));
    audited.endShard();
  }
  return findings;
}

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    "bind" as const,
    "bind" as const,
    "supersede" as const,
    "gone" as const,
    "tag" as const,
    "key" as const,
  ),
  fc.nat(4),
  fc.nat(3),
);
const log = fc.array(fc.array(step, { minLength: 4, maxLength: 30 }), { minLength: 1, maxLength: 3 }).map(build);
const runs = { numRuns: 150, seed: 20_262 };

test("a good log has no findings, over several shards and in parts, from any index on", () => {
  fc.assert(
    fc.property(log, fc.nat(20), (built, from) => {
      assert.deepEqual(audit(built), []);
      for (const part of [0, 1, 2]) assert.deepEqual(audit(built, { part, parts: 3 }), []);
      const young = built.map(({ shard, records }) => ({
        records,
        shard: { ...shard, from: Math.min(from, records.length - 1) },
      }));
      assert.deepEqual(audit(young), []);
    }),
    runs,
  );
});

test("a log with any record taken out, doubled or exchanged with the next has findings, the same ones in parts", () => {
  fc.assert(
    fc.property(log, fc.nat(), fc.constantFrom("out", "twice", "swap"), (built, at, how) => {
      const [first] = built;
      const place = first && at % first.records.length;
      if (first === undefined || place === undefined) return;
      const { records } = first;
      const [one, next] = [records[place], records[place + 1]];
      if (one === undefined) return;
      if (how === "swap" && next === undefined) return;
      const changed =
        how === "out"
          ? records.toSpliced(place, 1)
          : how === "twice"
            ? records.toSpliced(place, 0, one)
            : records.with(place, next ?? one).with(place + 1, one);
      const broken = [{ ...first, records: changed }, ...built.slice(1)];
      const found = audit(broken);
      // Records alone tell nothing about what no later one refers to; the tree does.
      if (how !== "twice" && found.length === 0) {
        const later = records.slice(place + 1).map(({ prev }) => (prev === "-" ? -1 : prev));
        const moved = (prev: number) => (how === "out" ? prev >= place : prev === place || prev === place + 1);
        assert.ok(!later.some(moved));
        return;
      }
      assert.ok(found.length > 0);
      const inParts = [0, 1, 2].flatMap((part) => audit(broken, { part, parts: 3 }));
      assert.deepEqual(inParts.toSorted(), found.toSorted());
    }),
    runs,
  );
});

const simple = (): BuiltShard[] =>
  build([
    [
      ["bind", 1, 1],
      ["bind", 2, 1],
      ["supersede", 1, 1],
    ],
    [
      ["bind", 1, 2],
      ["supersede", 1, 1],
      ["gone", 2, 1],
    ],
  ]);

/** The findings after one field of one record was changed. */
function changed(number: number, index: number, fields: object): string[] {
  const built = simple();
  const records = built[number]?.records;
  const record = records?.[index];
  assert.ok(records && record);
  records[index] = { ...record, ...fields };
  return audit(built);
}

const cases: readonly [name: string, found: () => string[], expected: RegExp][] = [
  [
    "a version that is bound twice",
    () => changed(0, 1, { name: "p1", seq: 2, prev: 0 }),
    /^entry 1 binds p1@1\.0\.1, which entry 0/,
  ],
  [
    "a version that a later shard binds again",
    () => changed(1, 1, { version: "1.0.1" }),
    /^entry 1 binds p1@1\.0\.1, which entry 2/,
  ],
  [
    "a supersede of what does not stand",
    () => changed(0, 2, { supersedes: 1 }),
    /^entry 2 supersedes 1, which is not what stands/,
  ],
  [
    "a supersede of what an earlier shard has replaced",
    () => changed(1, 2, { supersedes: 0 }),
    /^entry 2 supersedes 0/,
  ],
  ["a supersede of nothing", () => changed(0, 2, { version: "9.9.9" }), /^entry 2 supersedes 0/],
  ["time that goes back", () => changed(0, 2, { time: 5 }), /^entry 2 is older/],
  ["a record without a nonce", () => changed(0, 1, { nonce: "-" }), /^entry 1 of a private log has no nonce/],
  ["a gap in seq", () => changed(0, 2, { seq: 3 }), /^entry 2 breaks the chain of p1: seq 3, prev 0/],
  ["a chain that goes on over shards", () => changed(1, 1, { seq: 3, prev: 2 }), /^entry 1 breaks the chain of p1/],
  [
    "a predecessor of another root",
    () => changed(1, 0, { root: toBase64(new Uint8Array(32)) }),
    /^entry 0 is not the record that names log\.example\/0/,
  ],
  ["a predecessor of another size", () => changed(1, 0, { size: 5 }), /^entry 0 is not the record/],
  ["another successor", () => changed(0, 4, { origin: "log.example/7" }), /^entry 3 is the last of a frozen shard/],
];

for (const [name, found, expected] of cases)
  test(`finds ${name}`, () => {
    if (name === "another successor") {
      const built = simple();
      const at = (built[0]?.records.length ?? 0) - 1;
      assert.match(changed(0, at, { origin: "log.example/7" })[0] ?? "", expected);
      return;
    }
    assert.match(found()[0] ?? "", expected);
  });

test("finds what is no record, and kinds that are not known unless they are to be skipped", () => {
  const run = (unknownKinds: "refuse" | "skip") => {
    const findings: string[] = [];
    const report: RecordAuditOptions["report"] = ({ reason }) => findings.push(reason);
    const audited = createRecordAudit({ sha256 }, { part: 0, parts: 1, unknownKinds, report });
    audited.beginShard({ isPrivate: false, from: 0, predecessor: undefined, successor: undefined });
    audited.follow(0, "assay/v1 later\nfield value\n");
    audited.follow(1, "nonsense");
    audited.endShard();
    return findings;
  };
  assert.equal(run("skip").length, 1);
  const [later, nonsense] = run("refuse");
  assert.match(later ?? "", /^is of the kind later/);
  assert.match(nonsense ?? "", /^is not a valid record/);
});

test("finds shard records where none belong", () => {
  const [first, second] = simple();
  assert.ok(first && second);
  const open = { ...first, shard: { ...first.shard, successor: undefined } };
  assert.match(audit([open])[0] ?? "", /names a successor, but the shard is not frozen/);
  assert.match(
    audit([{ ...second, shard: { ...second.shard, predecessor: undefined } }])[0] ?? "",
    /^entry 0 names a predecessor, and is not the first record of a later shard/,
  );
});

test("a log that is followed in pieces, with what was followed kept, has the findings of one that is not", () => {
  fc.assert(
    fc.property(log, fc.integer({ min: 1, max: 9 }), fc.nat(), (built, piece, at) => {
      const [first] = built;
      const records = first?.records ?? [];
      // Sometimes broken, sometimes not.
      const broken =
        first === undefined || at % 2 === 0
          ? built
          : [
              { ...first, records: records.toSpliced(at % records.length, 0, ...records.slice(0, 1)) },
              ...built.slice(1),
            ];
      const tables = { last: createDigestTable(), standing: createDigestTable() };
      const findings: string[] = [];
      const report: RecordAuditOptions["report"] = ({ index, reason }) => findings.push(`entry ${index} ${reason}`);
      for (const { shard, records: all } of broken) {
        let time = 0;
        for (let start = 0; start < all.length; start += piece) {
          const audited = createRecordAudit({ sha256 }, { part: 0, parts: 1, unknownKinds: "refuse", report, tables });
          const before = all[start - 1];
          if (before === undefined) audited.beginShard(shard);
          else audited.resumeShard(shard, { index: start - 1, text: formatRecord(before), time });
          for (const [i, record] of all.slice(start, start + piece).entries()) {
            audited.follow(start + i, formatRecord(record));
            time = Math.max(time, record.time);
          }
          if (start + piece >= all.length) audited.endShard();
        }
      }
      assert.deepEqual(findings, audit(broken));
    }),
    runs,
  );
});

test("a package's last record is known at the end of its shard", () => {
  const audited = createRecordAudit(
    { sha256 },
    { part: 0, parts: 1, unknownKinds: "refuse", report: ({ reason }) => assert.fail(reason) },
  );
  const [first] = simple();
  assert.ok(first);
  audited.beginShard(first.shard);
  for (const [i, record] of first.records.entries()) audited.follow(i, formatRecord(record));
  assert.deepEqual(audited.lastOf("npm", "p1"), { seq: 2, index: 2 });
  assert.deepEqual(audited.lastOf("npm", ""), { seq: 1, index: 3 });
  assert.equal(audited.lastOf("npm", "p9"), undefined);
  assert.equal(audited.packages, 3);
});
