import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { MisbehaviourError, isAssayError, parseVersion } from "@assay/core";
import { createTarWriter } from "./container/tar-members.ts";
import { parseHead, parseReleases } from "./export-format.ts";
import {
  name,
  everything,
  place,
  trusting,
  exporter,
  exportAll,
  importInto,
  refused,
  changed,
  edited,
  claimsOf,
  type Place,
  type EditedJson,
  type EditedRelease,
} from "./test-exports.ts";

describe("a hostile export", () => {
  /** Imports where one package is refused with a reason and the other is taken in, or neither. */
  async function assertRefused(
    t: TestContext,
    from: Place,
    path: string,
    reason: RegExp,
    who = "@s/right",
  ): Promise<void> {
    const to = await place(t, { noUpstream: true });
    const report = await importInto(to, path, trusting(from));
    assert.equal(report.outcome, "incomplete");
    assert.deepEqual(
      report.refused.map((each) => each.name),
      [who],
    );
    assert.match(report.refused[0]?.reason ?? "", reason);
    assert.deepEqual([report.packages, report.broken], [1, undefined]);
    assert.equal((await to.checksums.bindsOf(name("@s/right"))).size, 0);
    assert.equal((await to.checksums.bindsOf(name("left"))).size, 2);
    await assert.rejects(to.upstreams.packument(name("@s/right")), (error) => isAssayError(error, "NOT_FOUND"));
  }

  // The scoped package comes first: `@` sorts before letters.
  const releases = "000001/releases.json";
  const listing = "000001/listing.json";
  const bundle = "000001/bundle.json";

  test("is refused whole when its log is not pinned, or nobody signed for it", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const to = await place(t, { noUpstream: true });
    const report = await importInto(to, path);
    assert.deepEqual([report.outcome, report.packages, report.refused.length], ["incomplete", 0, 2]);
    assert.match(report.refused[0]?.reason ?? "", /is not trusted; pin its vkey/);
    assert.deepEqual([await claimsOf(to), await to.blobKeys("tarball")], [[], []]);
    const unsigned = await edited(path, "export.json", ({ logs }) => {
      logs[0]!.checkpoint = logs[0]!.checkpoint.replace(/\n3\n/, "\n4\n");
    });
    await refused(importInto(to, unsigned, trusting(from)), "BAD_FORMAT");
  });

  test("with other bytes, another size, or another release's bytes is refused by name", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const isTarball = (member: string): boolean => member.startsWith("000001/") && member.endsWith(".tgz");
    const flipped = await changed(path, (member, bytes) => {
      if (isTarball(member)) bytes[100] = (bytes[100] ?? 0) ^ 1;
      return bytes;
    });
    await assertRefused(t, from, flipped, /The copy of @s\/right@1\.0\.0 .* the bytes are sha512-/);
    const shorter = await changed(path, (member, bytes) => (isTarball(member) ? bytes.subarray(0, 1000) : bytes));
    await assertRefused(t, from, shorter, /the bytes are sha512-/);
    const longer = await changed(path, (member, bytes) => (isTarball(member) ? Buffer.concat([bytes, bytes]) : bytes));
    await assertRefused(t, from, longer, /bytes, at most/);
  });

  test("whose releases say otherwise than the log is refused by name", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const left = (await from.checksums.bindsOf(name("left"))).get(parseVersion("1.0.0"));
    const changes: readonly (readonly [RegExp, (release: EditedRelease, file: EditedJson) => void])[] = [
      [/says sha512|other bytes|integrity sha512/, (release) => (release.integrity = left?.integrity)],
      [/\d+ bytes of 1\.0\.0/, (release) => (release.sizeBytes += 1)],
      [/another manifest/, (release) => (release.fragment = release.fragment.replace("{", '{"bin":{"x":"y"},'))],
      [/proves nothing about 9\.9\.9|does not list|lists 1\.0\.0/, (release) => (release.version = "9.9.9")],
      [/lists 1\.0\.0, which is no listed release/, (release) => (release.isListed = false)],
      [/other members/, (release) => (release["extra"] = 1)],
      [/twice/, (release, file) => file.releases.push(release)],
      [/has no releases/, (_, file) => (file.releases = [])],
    ];
    for (const [reason, change] of changes)
      await assertRefused(
        t,
        from,
        await edited(path, releases, (file) => change(file.releases[0]!, file)),
        reason,
        reason.source.includes("twice") ||
          reason.source.includes("no releases") ||
          reason.source.includes("other members")
          ? "package 1"
          : "@s/right",
      );
  });

  test("whose listing adds a dependency, a version, other bytes or a member twice is refused by name", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const changes: readonly (readonly [RegExp, (document: EditedJson) => void])[] = [
      [/another manifest for 1\.0\.0/, ({ versions }) => (versions["1.0.0"]!["dependencies"] = { evil: "*" })],
      [/lists 6\.6\.6/, ({ versions }) => (versions["6.6.6"] = versions["1.0.0"]!)],
      [/other bytes for 1\.0\.0/, ({ versions }) => (versions["1.0.0"]!.dist!["integrity"] = "sha512-x")],
      [/does not list 1\.0\.0/, ({ versions }) => delete versions["1.0.0"]],
      [/not that of @s\/right/, (document) => (document.name = "left")],
    ];
    for (const [reason, change] of changes) await assertRefused(t, from, await edited(path, listing, change), reason);
    const twice = await changed(path, (member, bytes) =>
      member === listing ? Buffer.from(bytes.toString().replace('"name":', '"name":"left","name":')) : bytes,
    );
    await assertRefused(t, from, twice, /twice/);
  });

  test("with another package's proof, another tree's, a broken one or none is refused by name", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    let other: Buffer | undefined;
    await changed(path, (member, bytes) => {
      if (member === "000002/bundle.json") other = bytes;
      return bytes;
    });
    const swapped = await changed(path, (member, bytes) => (member === bundle ? other : bytes));
    await assertRefused(t, from, swapped, /proves nothing about 1\.0\.0/);
    await assertRefused(
      t,
      from,
      await edited(path, bundle, ({ bundles }) => (bundles[0]!.hashes = bundles[0]!.hashes.slice(1))),
      /does not lead to the root/,
    );
    await assertRefused(
      t,
      from,
      await edited(
        path,
        bundle,
        ({ bundles }) => (bundles[0]!.records[0]!.text = bundles[0]!.records[0]!.text.replace("@s/right", "@s/wrong")),
      ),
      /does not lead to the root/,
    );
    await assertRefused(t, from, await edited(path, bundle, (file) => (file.bundles = [])), /proves nothing/);
    from.upstream.publish({ name: "more", version: "1.0.0" });
    await from.admission.admit(name("more"), parseVersion("1.0.0"));
    const newer = await exportAll(from, "newer.assay.tar", {
      ...everything,
      used: false,
      names: [{ name: name("@s/right"), spec: undefined }],
    });
    let later: Buffer | undefined;
    await changed(newer.path, (member, bytes) => {
      if (member === bundle) later = bytes;
      return bytes;
    });
    await assertRefused(
      t,
      from,
      await changed(path, (member, bytes) => (member === bundle ? later : bytes)),
      /is not that of the export/,
    );
  });

  test("that leaves members out, moves or repeats them is refused, and read as far as it can be", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    for (const gone of [releases, listing, bundle]) {
      const without = await changed(path, (member, bytes) => (member === gone ? undefined : bytes));
      await assertRefused(
        t,
        from,
        without,
        /stands where 000001\/\w+\.json is expected/,
        gone === releases ? "package 1" : "@s/right",
      );
    }
    const climbing = await changed(
      path,
      (_, bytes) => bytes,
      (member) => (member === listing ? "../../listing.json" : member),
    );
    await assertRefused(t, from, climbing, /\.\.\/\.\.\/listing\.json stands where/);
    const cut = `${path}.cut`;
    writeFileSync(cut, readFileSync(path).subarray(0, -1500));
    const to = await place(t, { noUpstream: true });
    const report = await importInto(to, cut, trusting(from));
    assert.deepEqual([report.outcome, report.packages], ["incomplete", 1]);
    assert.match(report.refused[0]?.reason ?? report.broken ?? "", /cut off/);
    assert.equal((await importInto(to, path, trusting(from))).outcome, "complete");
  });

  test("that has one package twice, or not in order, is refused by name", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const swappedNumbers = (member: string): string =>
      member.replace(/^00000([12])/, (_, digit) => `00000${digit === "1" ? "2" : "1"}`);
    const parts: [string, Buffer][] = [];
    await changed(path, (member, bytes) => {
      parts.push([member, bytes]);
      return bytes;
    });
    const hostile = join(from.folder, "order.assay.tar");
    const writer = await createTarWriter(hostile, 0);
    const [head, ...members] = parts;
    const second = members.filter(([member]) => member.startsWith("000002"));
    const first = members.filter(([member]) => member.startsWith("000001"));
    for (const [member, bytes] of [
      head!,
      ...[...second, ...first].map(([m, b]) => [swappedNumbers(m), b] as [string, Buffer]),
    ])
      await writer.write(member, bytes.byteLength, [bytes]);
    await writer.finish();
    await assertRefused(t, from, hostile, /@s\/right does not follow left/);
  });

  test("that is no export, or claims more than it holds, is refused at once", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const to = await place(t, { noUpstream: true });
    writeFileSync(join(to.folder, "text.tar"), "this is no archive".repeat(100));
    await refused(importInto(to, join(to.folder, "text.tar"), trusting(from)), "BAD_FORMAT");
    await refused(importInto(to, join(to.folder, "absent.tar"), trusting(from)), "NOT_FOUND");
    for (const edit of [
      (head: EditedJson) => (head.format = "assay-export/v2"),
      (head: EditedJson) => (head.packages = -1),
      (head: EditedJson) => (head.packages = 1_000_000),
      (head: EditedJson) => (head.created = "yesterday"),
      (head: EditedJson) => (head.logs = {} as []),
    ])
      await refused(importInto(to, await edited(path, "export.json", edit), trusting(from)), "BAD_FORMAT");
    const more = await edited(path, "export.json", (head) => (head.packages = 3));
    const report = await importInto(to, more, trusting(from));
    assert.deepEqual(
      [report.outcome, report.packages, report.refused.map((each) => each.name)],
      ["incomplete", 2, ["package 3"]],
    );
    const fewer = await importInto(
      to,
      await edited(path, "export.json", (head) => (head.packages = 1)),
      trusting(from),
    );
    assert.match(fewer.broken ?? "", /stands where its end is expected/);
  });

  test("of a log that signed two trees of one size is evidence, and nothing of it is taken in", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const to = await place(t, { noUpstream: true });
    await importInto(to, path, trusting(from));
    // The same key and size over another history: as a log that is rolled back and written anew has it.
    await to.database.write((transaction) =>
      transaction
        .withTables<{ import_checkpoints: { root: Uint8Array } }>()
        .updateTable("import_checkpoints")
        .set({ root: new Uint8Array(32) })
        .execute(),
    );
    await assert.rejects(importInto(to, path, trusting(from)), (error) => {
      assert.ok(error instanceof MisbehaviourError);
      assert.match(error.message, /signed two trees of 3 entries/);
      assert.deepEqual(Object.keys(error.evidence), ["first", "second"]);
      return true;
    });
  });

  test("whose bytes differ from what is bound here is refused and on record, with the proof", async (t) => {
    const from = await exporter(t);
    const { path } = await exportAll(from);
    const to = await place(t);
    to.upstream.publish({ name: "@s/right", version: "1.0.0", files: { "other.js": "other" } });
    await to.admission.admit(name("@s/right"), parseVersion("1.0.0"));
    const before = (await to.checksums.bindsOf(name("@s/right"))).get(parseVersion("1.0.0"));
    const report = await importInto(to, path, trusting(from));
    assert.deepEqual(
      report.refused.map((each) => each.name),
      ["@s/right"],
    );
    assert.match(report.refused[0]?.reason ?? "", /bound here to something else; the conflict is on record/);
    assert.deepEqual((await to.checksums.bindsOf(name("@s/right"))).get(parseVersion("1.0.0")), before);
    assert.ok((await claimsOf(to)).includes("conflict 1.0.0"));
    const conflict = (await to.events()).find(({ kind }) => kind === "upstream.conflict");
    assert.deepEqual(conflict?.data, { source: "import", from: "bytes", difference: "files", severity: "high" });
  });

  test("read from a folder is refused alike", async (t) => {
    const from = await exporter(t);
    const written = await exportAll(from, "out");
    const head = parseHead(readFileSync(join(written.path, "export.json")));
    assert.equal(head.packages, 2);
    const { name: first } = parseReleases(readFileSync(join(written.path, releases)));
    assert.equal(first, "@s/right");
    await rm(join(written.path, listing));
    await assertRefused(t, from, written.path, /it has no 000001\/listing\.json/);
  });
});
