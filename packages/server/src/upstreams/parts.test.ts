import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { parsePackageName, parseVersion, type EpochMs, type Version } from "@assay/core";
import { assembleDocument, type AssembleInput } from "./assemble.ts";
import { cutTarball } from "./cut.ts";
import { derive } from "./derive.ts";
import { DamagedParts, loadIndex, parseIndex, readPart, toPackument } from "./parts.ts";

const name = parsePackageName("@s/a");
const base = "https://here.example/npm";
const urlOf = (version: string) => `${base}/@s/a/-/a-${version}.tgz`;

async function setUp(t: TestContext, document: object) {
  const folder = await mkdtemp(join(tmpdir(), "assay-parts-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const partsPath = join(folder, "x", "parts");
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(document)));
  const derived = await derive({
    name,
    source: "npm",
    upstreamUrl: "https://registry.example.com",
    fallbackModifiedMs: 0,
    bytes,
    digest: "d",
    partsPath,
    temporaryPath: `${partsPath}.tmp`,
  });
  assert.ok(derived.kind === "derived");
  const packument = toPackument(parseIndex(derived.index), { checkedAtMs: 1 as EpochMs, stale: undefined, partsPath });
  const assemble = (input: Partial<AssembleInput> & Pick<AssembleInput, "form">) => {
    return JSON.parse(
      assembleDocument({
        partsPath,
        base,
        versions: "all",
        tags: packument.tags,
        overlays: {},
        times: {},
        ...input,
      }).toString(),
    ) as Record<string, unknown>;
  };
  return { partsPath, packument, derived, assemble };
}

const manifest = (version: string, more: object = {}) => ({
  name,
  version,
  description: "Grüße 🎉",
  dist: { integrity: "x", tarball: `https://registry.example.com/@s/a/-/a-${version}.tgz` },
  ...more,
});
const document = {
  _id: name,
  _rev: "3-abc",
  _attachments: { "a-1.0.0.tgz": {} },
  name,
  "dist-tags": { latest: "2.0.0" },
  versions: {
    "1.0.0": manifest("1.0.0"),
    "2.0.0": manifest("2.0.0", {
      dist: {
        tarball: "https://registry.example.com/t",
        attestations: { url: "https://registry.example.com/-/npm/v1/attestations/@s%2fa@2.0.0" },
      },
    }),
    "3.0.0-x+build": manifest("3.0.0-x+build"),
  },
  time: {
    created: "2020-01-01T00:00:00.000Z",
    modified: "2020-03-01T00:00:00.000Z",
    "1.0.0": "2020-01-01T00:00:00.000Z",
    "2.0.0": "2020-02-01T00:00:00.000Z",
  },
  readme: "# a ✓",
  users: { somebody: true },
};

test("a full document is the upstream's, but for URLs, times and storage", async (t) => {
  const { assemble } = await setUp(t, document);
  const { _attachments, ...rest } = document;
  assert.deepEqual(assemble({ form: "full", times: { "3.0.0-x+build": "2020-03-01T00:00:00.000Z" } }), {
    ...rest,
    versions: {
      "1.0.0": manifest("1.0.0", { dist: { integrity: "x", tarball: urlOf("1.0.0") } }),
      "2.0.0": manifest("2.0.0", {
        dist: { attestations: { url: `${base}/-/npm/v1/attestations/@s%2fa@2.0.0` }, tarball: urlOf("2.0.0") },
      }),
      "3.0.0-x+build": manifest("3.0.0-x+build", { dist: { integrity: "x", tarball: urlOf("3.0.0-x+build") } }),
    },
    time: { ...document.time, "3.0.0-x+build": "2020-03-01T00:00:00.000Z" },
  });
});

test("an abbreviated document has the complete times and nothing that only the full one has", async (t) => {
  const { assemble } = await setUp(t, document);
  const abbreviated = assemble({ form: "abbreviated" });
  assert.deepEqual(Object.keys(abbreviated), ["name", "dist-tags", "modified", "time", "versions"]);
  assert.equal(abbreviated["modified"], document.time.modified);
  assert.deepEqual(abbreviated["time"], document.time);
  assert.deepEqual((abbreviated["versions"] as Record<string, unknown>)["1.0.0"], {
    name,
    version: "1.0.0",
    dist: { integrity: "x", tarball: urlOf("1.0.0") },
  });
});

test("shows only the versions, tags and members that it is told to", async (t) => {
  const { assemble } = await setUp(t, document);
  const shown = assemble({
    form: "full",
    versions: [parseVersion("1.0.0"), parseVersion("9.9.9")],
    tags: { latest: parseVersion("1.0.0") },
    times: { modified: "2021-01-01T00:00:00.000Z" },
    members: { readme: "none", policyRestrictions: { message: "m", versions: {} } },
  });
  assert.deepEqual(Object.keys(shown["versions"] as object), ["1.0.0"]);
  assert.deepEqual(shown["dist-tags"], { latest: "1.0.0" });
  assert.deepEqual(shown["time"], {
    created: document.time.created,
    modified: "2021-01-01T00:00:00.000Z",
    "1.0.0": document.time["1.0.0"],
  });
  assert.equal(shown["readme"], "none");
  assert.deepEqual(shown["policyRestrictions"], { message: "m", versions: {} });
  assert.deepEqual(assemble({ form: "full", versions: [], tags: {} })["versions"], {});
});

test("overlays replace a version's text in both forms", async (t) => {
  const { assemble } = await setUp(t, document);
  const text = (form: string) =>
    cutTarball(
      JSON.stringify({
        name,
        version: "1.0.0",
        form,
        dist: { integrity: "bound", tarball: "", attestations: { url: "/-/npm/v1/attestations/x" } },
      }),
    );
  const overlays = { ["1.0.0" as Version]: { full: text("full"), abbreviated: text("abbreviated") } };
  for (const form of ["full", "abbreviated"] as const) {
    const versions = assemble({ form, overlays })["versions"] as Record<string, unknown>;
    assert.deepEqual(versions["1.0.0"], {
      name,
      version: "1.0.0",
      form,
      dist: { integrity: "bound", attestations: { url: `${base}/-/npm/v1/attestations/x` }, tarball: urlOf("1.0.0") },
    });
    assert.equal(Object.keys(versions).length, 3);
  }
});

test("our signature stands behind the upstream's, in both forms, alone, and in an overlay", async (t) => {
  const theirs = { keyid: "grün", sig: "MEQ=" };
  const signed = structuredClone(document) as { versions: Record<string, { dist: Record<string, unknown> }> };
  for (const version of ["2.0.0", "3.0.0-x+build"]) {
    const dist = signed.versions[version]?.dist;
    assert.ok(dist);
    dist["signatures"] = [theirs, { keyid: "K" }, null];
  }
  const { assemble, packument } = await setUp(t, signed);
  const ours = { keyid: "SHA256:ours", sig: "MEU=" };
  const signatures = Object.fromEntries([...packument.versions.keys()].map((version) => [version, ours]));
  const text = cutTarball(JSON.stringify({ name, version: "1.0.0", dist: { integrity: "bound", tarball: "" } }));
  const overlays = { ["1.0.0" as Version]: { full: text, abbreviated: text } };
  for (const form of ["full", "abbreviated"] as const) {
    for (const shown of [assemble({ form, signatures }), assemble({ form, signatures, overlays })]) {
      const versions = shown["versions"] as Record<string, { dist: Record<string, unknown> }>;
      assert.deepEqual(versions["1.0.0"]?.dist["signatures"], [ours]);
      for (const version of ["2.0.0", "3.0.0-x+build"])
        assert.deepEqual(versions[version]?.dist["signatures"], [theirs, { keyid: "K" }, null, ours]);
      assert.deepEqual(versions["2.0.0"]?.dist["attestations"], {
        url: `${base}/-/npm/v1/attestations/@s%2fa@2.0.0`,
      });
    }
    const versions = assemble({ form, signatures })["versions"] as Record<string, unknown>;
    for (const listed of packument.versions.values()) {
      const filling = { base, tarballUrl: urlOf(listed.version), signature: ours };
      assert.deepEqual(JSON.parse(await readPart(packument, listed, form, filling)), versions[listed.version]);
    }
  }
  const keyids = [...packument.versions.values()].map((listed) => listed.keyids);
  assert.deepEqual(keyids, [[], ["", "K", ""], ["", "K", ""]]);
  assert.equal(keyids[1], keyids[2], "one list in memory");
});

test("one part is the same as in the whole document", async (t) => {
  const { assemble, packument } = await setUp(t, document);
  for (const form of ["full", "abbreviated"] as const) {
    const versions = assemble({ form })["versions"] as Record<string, unknown>;
    for (const listed of packument.versions.values()) {
      assert.deepEqual(
        JSON.parse(await readPart(packument, listed, form, { base, tarballUrl: urlOf(listed.version) })),
        versions[listed.version],
      );
    }
  }
});

test("a listing read from the file is the one that was written", async (t) => {
  const { partsPath, derived } = await setUp(t, document);
  assert.deepEqual(await loadIndex(partsPath), parseIndex(derived.index));
});

test("notices any damage to a parts file", async (t) => {
  const { partsPath } = await setUp(t, document);
  const good = await readFile(partsPath);
  const damaged = (error: unknown) => error instanceof DamagedParts;
  for (const length of [0, 10, good.byteLength - 1]) {
    await writeFile(partsPath, good.subarray(0, length));
    await assert.rejects(loadIndex(partsPath), damaged);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(good.byteLength - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      await writeFile(partsPath, bytes);
      await assert.rejects(loadIndex(partsPath), damaged);
    }),
    { numRuns: 40 },
  );
});
