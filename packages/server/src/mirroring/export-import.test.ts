import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseVersion } from "@assay/core";
import type { Selection } from "./mirroring.ts";
import {
  never,
  name,
  everything,
  place,
  vkeyOf,
  trusting,
  exporter,
  exportAll,
  importInto,
  refused,
  claimsOf,
} from "./test-exports.ts";

describe("an export", () => {
  test("is bound where it arrives, without any upstream, and shows what the exporter showed", async (t) => {
    for (const file of ["out.assay.tar", "out"]) {
      const from = await exporter(t);
      const written = await exportAll(from, file);
      assert.deepEqual([written.packages, written.releases, written.missing], [2, 3, []]);
      assert.deepEqual(
        written.logs.map(({ vkey }) => vkey),
        [vkeyOf(from)],
      );

      const to = await place(t, { noUpstream: true });
      const report = await importInto(to, written.path, trusting(from));
      assert.deepEqual(
        [report.outcome, report.packages, report.already, report.releases, report.refused],
        ["complete", 2, 0, 3, []],
      );
      assert.deepEqual(await claimsOf(to), ["bind 1.0.0", "bind 1.0.0", "bind 1.1.0"]);
      const here = await to.checksums.bindsOf(name("left"));
      const there = await from.checksums.bindsOf(name("left"));
      for (const [version, bind] of there) {
        const { integrity, tree, manifest, sizeBytes } = bind;
        assert.deepEqual(
          { ...here.get(version), claimedAtMs: 0 },
          {
            name: "left",
            version,
            integrity,
            tree,
            manifest,
            sizeBytes,
            source: "import",
            signer: "-",
            claimedAtMs: 0,
          },
        );
      }
      const { packument, view } = await to.serving.packageView(name("left"));
      assert.deepEqual([packument.source, packument.stale], ["import", undefined]);
      assert.deepEqual([[...packument.versions.keys()], view.tags], [["1.0.0", "1.1.0"], { latest: "1.1.0" }]);
      assert.deepEqual(view.rebound, []);
      const tarball = await to.serving.tarballs.find(name("@s/right"), parseVersion("1.0.0"));
      assert.ok(tarball.release.sizeBytes > 1024 * 1024);
      assert.equal((await to.blobKeys("proof")).length, 2);
      assert.ok(await to.checksums.lookup(name("left"), parseVersion("1.1.0"), never));
      assert.equal(from.upstream.requests.length > 0 && to.upstream.requests.length, 0);
    }
  });

  test("holds what was selected, names what is not here, and is not written when there is nothing", async (t) => {
    const from = await exporter(t);
    const names = [
      { name: name("left"), spec: "^1.0.0" },
      { name: name("absent"), spec: undefined },
      { name: name("@s/right"), spec: "2.0.0" },
    ];
    const written = await exportAll(from, "some.assay.tar", { ...everything, used: false, names });
    assert.deepEqual([written.packages, written.releases], [1, 2]);
    assert.deepEqual(
      written.missing.map(({ name: missing, want }) => [missing, want]),
      [
        ["@s/right", "2.0.0"],
        ["absent", "its bound releases"],
      ],
    );
    const nothing = await exportAll(from, "none.assay.tar", {
      ...everything,
      used: false,
      names: [{ name: name("absent"), spec: undefined }],
    });
    assert.deepEqual([nothing.written, existsSync(nothing.path)], [false, false]);
    await refused(
      from.mirroring.exportTo({ path: written.path, kind: "file", replace: false }, everything, { signal: never }),
      "USAGE",
    );
  });

  test("proves all its packages in one tree, however the log grows meanwhile", async (t) => {
    const from = await exporter(t);
    for (let i = 0; i < 20; i += 1) {
      from.upstream.publish({ name: `later${i}`, version: "1.0.0" });
      if (i < 10) await from.admission.admit(name(`later${i}`), parseVersion("1.0.0"));
    }
    const path = join(from.folder, "grown.assay.tar");
    let admitted = 10;
    const running = from.mirroring.exportTo({ path, kind: "file", replace: true }, everything, {
      signal: never,
      onProgress: () => {
        if (admitted < 20) void from.admission.admit(name(`later${admitted++}`), parseVersion("1.0.0"));
      },
    });
    await running;
    const to = await place(t, { noUpstream: true });
    const report = await importInto(to, path, trusting(from));
    assert.deepEqual([report.outcome, report.refused], ["complete", []]);
    assert.ok(report.packages >= 12);
  });

  test("of a release that its upstream changed or removed carries what was bound", async (t) => {
    const from = await exporter(t, { refuseWithinHours: 1 });
    from.upstream.edit("left", (document) => {
      document.versions["1.0.0"]!["dependencies"] = { evil: "*" };
      delete document.versions["1.1.0"];
      document["dist-tags"]["latest"] = "1.0.0";
    });
    // A second at a time, for the sequencer looks each second.
    await from.clock.advance(1.5 * 3_600_000);
    await from.upstreams.packument(name("left"));
    const written = await exportAll(from);
    const to = await place(t, { noUpstream: true });
    const report = await importInto(to, written.path, trusting(from));
    assert.deepEqual([report.outcome, report.releases], ["complete", 3]);
    const { packument, view } = await to.serving.packageView(name("left"));
    assert.deepEqual([...packument.versions.keys()], ["1.0.0"]);
    assert.deepEqual(view.rebound, []);
    // The removed one is there for lockfiles.
    assert.equal((await to.serving.tarballs.find(name("left"), parseVersion("1.1.0"))).release.version, "1.1.0");
  });

  test("is taken in again at the cost of a look, and a later one adds to the listing", async (t) => {
    const from = await exporter(t);
    const only = (spec: string): Selection => ({ ...everything, used: false, names: [{ name: name("left"), spec }] });
    const first = await exportAll(from, "first.assay.tar", only("1.1.0"));
    const second = await exportAll(from, "second.assay.tar", only("1.0.0"));
    const to = await place(t, { noUpstream: true });
    await importInto(to, first.path, trusting(from));
    await importInto(to, second.path, trusting(from));
    const again = await importInto(to, first.path, trusting(from));
    assert.deepEqual([again.outcome, again.packages, again.already], ["complete", 1, 1]);
    const { packument } = await to.serving.packageView(name("left"));
    assert.deepEqual([...packument.versions.keys()].sort(), ["1.0.0", "1.1.0"]);
    assert.deepEqual(await claimsOf(to), ["bind 1.0.0", "bind 1.1.0"]);
    // Bytes that the disk lost come back with the same export.
    await rm(join(to.folder, "blobs", "tarball"), { recursive: true });
    assert.equal((await importInto(to, first.path, trusting(from))).already, 0);
    assert.ok(await to.serving.tarballs.find(name("left"), parseVersion("1.1.0")));
  });

  test("of another Assay's import carries its own proof, not the one before it", async (t) => {
    const first = await exporter(t);
    const second = await place(t, { noUpstream: true });
    await importInto(second, (await exportAll(first)).path, trusting(first));
    const written = await exportAll(second);
    const third = await place(t, { noUpstream: true });
    assert.equal((await importInto(third, written.path, trusting(first))).packages, 0);
    assert.equal((await importInto(third, written.path, trusting(second))).outcome, "complete");
  });

  test("that is stopped leaves nothing, and ends with BLOB_CORRUPT over damaged bytes", async (t) => {
    const from = await exporter(t);
    const path = join(from.folder, "stopped.assay.tar");
    const stop = new AbortController();
    stop.abort(new Error("stop"));
    const target = { path, kind: "file", replace: true } as const;
    await assert.rejects(from.mirroring.exportTo(target, everything, { signal: stop.signal }));
    const [key] = await from.blobKeys("tarball");
    const file = join(from.folder, "blobs", key ?? "");
    const damaged = readFileSync(file);
    await rm(file);
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    writeFileSync(file, damaged);
    await refused(from.mirroring.exportTo(target, everything, { signal: never }), "BLOB_CORRUPT");
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(`${path}.partial`), false);
  });
});

test("an imported listing stands in for an owner that does not answer and never has", async (t) => {
  const from = await exporter(t);
  const { path } = await exportAll(from);
  const to = await place(t);
  await importInto(to, path, trusting(from));
  await to.upstream[Symbol.asyncDispose]();
  const packument = await to.upstreams.packument(name("left"));
  assert.deepEqual([packument.source, [...packument.versions.keys()]], ["import", ["1.0.0", "1.1.0"]]);
  assert.match(packument.stale ?? "", /cannot be reached/);
  // Its parts are a cache.
  await rm(join(to.folder, "cache"), { recursive: true });
  assert.equal((await to.upstreams.reload(packument)).digest, packument.digest);
  assert.equal(await to.upstreams.countKnown(), 2);
});
