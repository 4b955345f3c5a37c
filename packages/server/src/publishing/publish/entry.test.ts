import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion, type PackageName } from "@assay/core";
import { createInstallation } from "@assay/testkit/server-process";
import { publishBody } from "../../../test/publisher.ts";
import { writeVerdaccioFolder, type StoredPackage } from "../../../test/verdaccio-folder.ts";
import { loadConfig } from "../../config/load.ts";
import { openOwnedRooms } from "../../owned-rooms.ts";
import type { Rooms } from "../../rooms.ts";
import { openVerdaccioStorage } from "../publishing.ts";
import { putTag, readTags } from "../store.ts";
import { asSent, enteredTags, isOpenTag, type Entry } from "./entry.ts";

const config = `
upstream: {url: "http://127.0.0.1:9"}
hosted:
  - {names: ["@acme/*"], organisation: acme, visibility: public}
  - {names: ["@plain/*"], organisation: plain, visibility: public}
`;
/** A scope with channels, beside one without. */
const intoDev: Entry = (name, sent, isFirst) => (name.startsWith("@acme/") ? ["dev"] : asSent(name, sent, isFirst));

const ada = {
  kind: "person",
  id: "person:ada",
  name: "ada",
  isAdmin: true,
  grant: undefined,
  via: "session",
  steppedUpAtMs: undefined,
  address: "127.0.0.1",
} as const;
const writer = { principal: ada, base: "http://127.0.0.1", confirm: async () => {}, renew: async () => {} };

async function room(t: TestContext) {
  const installation = await createInstallation();
  t.after(() => installation[Symbol.asyncDispose]());
  const file = path.join(installation.home, "assay.yaml");
  writeFileSync(file, config);
  const loaded = await loadConfig({
    flags: { config: file, data: installation.data },
    env: { HOME: installation.home, XDG_STATE_HOME: path.join(installation.home, ".local", "state") },
    cwd: installation.home,
  });
  const rooms = await openOwnedRooms(loaded, { logTo: new PassThrough().resume(), entry: intoDev });
  t.after(() => rooms[Symbol.asyncDispose]());
  await rooms.identity.accounts.create("test", {
    name: "ada",
    kind: "person",
    password: "correct horse",
    isAdmin: true,
  });
  return { rooms, folder: path.join(installation.home, "storage") };
}

async function* bodyOf(name: PackageName, version: string, tag: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(publishBody({ name, version }, { tag })));
}

async function tagsOf({ database }: Rooms, name: PackageName): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await readTags(database.read, name)).map(({ tag, version }) => [tag, version]));
}

test("without channels tags are those that were sent, and the first version is latest", () => {
  const name = parsePackageName("@acme/ui");
  assert.deepEqual(asSent(name, ["next"], true), ["next", "latest"]);
  assert.deepEqual(asSent(name, ["latest"], true), ["latest"]);
  assert.deepEqual(asSent(name, ["next"], false), ["next"]);
  assert.ok(isOpenTag(asSent, name, "latest"));
  const tags = new Map([
    ["latest", "1.0.0"],
    ["beta", "2.0.0"],
  ]);
  assert.deepEqual(Object.fromEntries(enteredTags(asSent, name, tags)), Object.fromEntries(tags));
  assert.deepEqual(Object.fromEntries(enteredTags(intoDev, name, tags)), { dev: "1.0.0" });
});

test("in a scope with channels a publish and a stage go to dev, whatever was sent; latest moves by nobody's hand", async (t) => {
  const { rooms } = await room(t);
  const { publishing, database } = rooms;
  const name = parsePackageName("@acme/ui");
  await publishing.put(writer, name, bodyOf(name, "1.0.0", "latest"));
  assert.deepEqual(await tagsOf(rooms, name), { dev: "1.0.0" });
  assert.deepEqual((await rooms.upstreams.packument(name)).tags, { dev: "1.0.0" });
  // As a promotion will.
  await database.write((transaction) => putTag(transaction, name, "latest", parseVersion("1.0.0"), Date.now()));

  for (const [version, tag] of [
    ["1.1.0", "latest"],
    ["1.2.0", "stable"],
  ] as const)
    await publishing.put(writer, name, bodyOf(name, version, tag));
  assert.deepEqual(await tagsOf(rooms, name), { dev: "1.2.0", latest: "1.0.0" });

  const { id } = await publishing.staging.put(writer, name, bodyOf(name, "1.3.0", "latest"));
  assert.deepEqual((await publishing.staging.find(ada, id)).tags, ["dev"]);
  await publishing.staging.approve(writer, id);
  assert.deepEqual(await tagsOf(rooms, name), { dev: "1.3.0", latest: "1.0.0" });

  const byPromotion = (error: unknown): boolean =>
    isAssayError(error, "FORBIDDEN") && /moved by promotion alone; what is published gets dev/.test(error.message);
  for (const tag of ["latest", "stable"])
    await assert.rejects(publishing.setTag(writer, name, tag, "1.1.0"), byPromotion, tag);
  await assert.rejects(publishing.deleteTag(writer, name, "stable"), byPromotion);
  await publishing.setTag(writer, name, "dev", "1.2.0");
  assert.deepEqual(await tagsOf(rooms, name), { dev: "1.2.0", latest: "1.0.0" });

  // What was never promoted does not become latest because what was is gone.
  const gone = { name, version: parseVersion("1.0.0"), reason: "wrong" };
  await publishing.removeByForce("test", gone);
  assert.deepEqual(await tagsOf(rooms, name), { dev: "1.2.0" });

  const plain = parsePackageName("@plain/ui");
  await publishing.put(writer, plain, bodyOf(plain, "1.0.0", "next"));
  await publishing.setTag(writer, plain, "latest", "1.0.0");
  assert.deepEqual(await tagsOf(rooms, plain), { latest: "1.0.0", next: "1.0.0" });
});

test("what moves into a scope with channels comes to dev, where latest was; again and later too", async (t) => {
  const { rooms, folder } = await room(t);
  const [name, plain] = [parsePackageName("@acme/moved"), parsePackageName("@plain/moved")];
  const move = async (versions: readonly string[], tags: NonNullable<StoredPackage["tags"]>) => {
    const packages = [name, plain].map((each) => ({
      name: each,
      versions: versions.map((version) => ({ version })),
      tags,
    }));
    writeVerdaccioFolder(folder, packages);
    const { outcome, differences } = await rooms.publishing.move(await openVerdaccioStorage(folder, 1024 * 1024), {
      names: [],
      accept: new Set(),
      concurrency: 1,
      signal: new AbortController().signal,
    });
    assert.deepEqual({ outcome, differences }, { outcome: "complete", differences: [] });
  };
  const [first, second] = [
    { latest: "1.0.0", beta: "2.0.0-beta.1" },
    { latest: "1.1.0", beta: "2.0.0-beta.1" },
  ];
  for (const [versions, tags] of [
    [["0.9.0", "1.0.0", "2.0.0-beta.1"], first],
    [["0.9.0", "1.0.0", "2.0.0-beta.1"], first],
    [["0.9.0", "1.0.0", "2.0.0-beta.1", "1.1.0"], second],
  ] as const) {
    await move(versions, tags);
    assert.deepEqual(await tagsOf(rooms, name), { dev: tags.latest });
    assert.deepEqual(await tagsOf(rooms, plain), tags);
  }
});
