import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { integrityFromSha512 } from "@assay/core";
import { createHash } from "node:crypto";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { check, lockfileOf } from "../test/checking.ts";
import { tinyWorld } from "../test/tiny-effects.ts";
import type { Lockfile } from "./lockfile/lockfile.ts";
import { createTarballEffects } from "./node/tarball-digest.ts";
import { checkServed } from "./served.ts";

const tarball = Buffer.alloc(300_000, "tarball");
const digest = (bytes: Uint8Array) => integrityFromSha512(createHash("sha512").update(bytes).digest());

/** A registry that serves what it is told, and a report on two packages that no lockfile pins. */
async function scene(context: TestContext, answers: Readonly<Record<string, Uint8Array>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const body = answers[request.url ?? ""];
    if (body === undefined) response.writeHead(403).end(JSON.stringify({ error: "Blocked by rule 7." }));
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => void server.close());
  const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const log = await createTinyLog({});
  const packages = ["plain", "@scope/other"].map((name) => ({ name, version: "1.0.0+b", integrity: digest(tarball) }));
  for (const { name, version, integrity } of packages) log.bind(name, version, integrity);
  const unpinned = lockfileOf(packages).packages.map((each) => ({ ...each, archiveUrl: undefined }));
  const lockfile: Lockfile = { ...lockfileOf([]), unpinned };
  const report = await check(tinyWorld(log), { lockfile, accept: ["through-record"] });
  assert.equal(report.ok, true);
  return { effects: createTarballEffects({ fetch, registry }), report, asked };
}

const places = ["/plain/-/plain-1.0.0+b.tgz", "/@scope/other/-/other-1.0.0+b.tgz"];

test("what the registry serves is hashed and held against the log, each version once", async (context) => {
  const { effects, report, asked } = await scene(context, Object.fromEntries(places.map((place) => [place, tarball])));
  const progress: number[] = [];
  const reports = await checkServed(effects, [report, report], ({ done }) => progress.push(done));
  assert.deepEqual(
    reports.map(({ ok, throughRecord }) => [ok, ...throughRecord.map(({ served }) => served.as)]),
    [
      [true, "bound", "bound"],
      [true, "bound", "bound"],
    ],
  );
  assert.deepEqual(asked.toSorted(), places.toSorted());
  assert.deepEqual(progress, [1, 2]);
});

test("other bytes, and what is not served, make the report fail and say why", async (context) => {
  const evil = Buffer.from("evil");
  const { effects, report } = await scene(context, { [places[0] ?? ""]: evil });
  const [failed] = await checkServed(effects, [report], () => {});
  assert.equal(failed?.ok, false);
  assert.deepEqual(
    failed.throughRecord.map(({ served }) => served),
    [
      { as: "other-bytes", integrity: digest(evil) },
      { as: "nothing", reason: "Blocked by rule 7." },
    ],
  );
});

test("a registry that is not there is a reason, no fault", async () => {
  const effects = createTarballEffects({ fetch, registry: "http://127.0.0.1:1" });
  const [first] = lockfileOf([{ name: "plain", version: "1.0.0", integrity: digest(tarball) }]).packages;
  assert.ok(first);
  const answer = await effects.tarballDigest(first.name, first.version);
  assert.equal(answer.outcome, "refused");
});
