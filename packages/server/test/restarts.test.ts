/** Twenty starts with a fault between each two, under load: whatever was answered once stays true. */
import assert from "node:assert/strict";
import { createHash, hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { otherBytes } from "@assay/testkit/lies";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, spawnServer, startServer } from "@assay/testkit/server-process";
import type { Installation } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { PublishedRelease, TestUpstream } from "@assay/testkit/upstream";

const rounds = 20;
const releasesPerRound = 12;

let upstream: TestUpstream;
let installation: Installation;
const releases: PublishedRelease[] = [];
/** What a client got with status 200: it must be served for ever. */
const served = new Set<PublishedRelease>();
/** Record texts that a lookup answered: they must stand for ever. */
const recorded = new Map<string, string>();

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  for (let index = 0; index < rounds * releasesPerRound; index += 1) {
    releases.push(
      upstream.publish({
        name: index % 3 === 0 ? `@scope/package-${index}` : `package-${index}`,
        version: "1.0.0",
        files: { "data.bin": pseudoRandom(index, (index % 7) * 60_000 + 10) },
      }),
    );
  }
});

after(async () => {
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

/** Incompressible, and the same in every run. */
function pseudoRandom(seed: number, sizeBytes: number): Uint8Array {
  const blocks: Buffer[] = [];
  for (let block = 0; block * 64 < sizeBytes; block += 1) {
    blocks.push(createHash("sha512").update(`${seed}/${block}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** Asks for tarballs and lookups until all were asked or the server is gone. */
async function load(wanted: readonly PublishedRelease[]): Promise<void> {
  await Promise.all(
    wanted.map(async (release, index) => {
      await delay(index * 8);
      try {
        const tarball = await rawRequest(installation.url, release.path);
        if (tarball.status === 200) {
          assert.ok(tarball.body.equals(Buffer.from(release.tarball)), release.name);
          served.add(release);
        }
        const key = `${release.name}@${release.version}`;
        const lookup = await rawRequest(installation.url, `/-/log/lookup/${key}`);
        if (lookup.status === 200) recorded.set(key, recordOf(lookup.text()));
      } catch (error) {
        // The server was killed under this request: that is what the test is about.
        if (error instanceof assert.AssertionError) throw error;
      }
    }),
  );
}

/** Index and record, without the checkpoint that moves on. */
function recordOf(lookup: string): string {
  return lookup.slice(0, lookup.indexOf("\n\n"));
}

/** Every content-addressed file must hold what its name says, as it is or compressed. */
function damagedBlobs(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !holdsItsName(file));
}

function holdsItsName(file: string): boolean {
  const name = path.basename(file);
  const algorithm = name.length === 64 ? "sha256" : "sha512";
  const bytes = readFileSync(file);
  const isNamed = (content: Uint8Array): boolean => hash(algorithm, content, "hex") === name;
  if (isNamed(bytes)) return true;
  try {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return isNamed(isGzip ? gunzipSync(bytes) : zstdDecompressSync(bytes));
  } catch {
    return false;
  }
}

describe("restarts", () => {
  for (let round = 0; round < rounds; round += 1) {
    const fault = ["kill -9 under load", "SIGTERM under load", "kill -9 while starting"][round % 3];
    test(`round ${round + 1}: ${fault}`, async () => {
      const wanted = releases.slice(round * releasesPerRound, (round + 1) * releasesPerRound);
      if (fault === "kill -9 while starting") {
        const child = spawnServer(installation, { upstream: upstream.url });
        const ended = new Promise((resolve) => child.once("close", resolve));
        await delay(40 * round);
        child.kill("SIGKILL");
        await ended;
      }
      const server = await startServer(installation, { upstream: upstream.url });
      const loading = load([...wanted, ...releases.slice(0, 5)]);
      if (fault === "SIGTERM under load") {
        await delay(30 + 5 * round);
        const ending = await server.stop("SIGTERM");
        assert.equal(ending.exitCode, 0, server.output());
        assert.ok(ending.milliseconds < 5000, `${ending.milliseconds} ms`);
      } else {
        await delay(10 + 9 * round);
        await server.stop("SIGKILL");
      }
      await loading;
      assert.deepEqual(damagedBlobs(installation.data), []);
    });
  }

  test("what was served and recorded stands, though the upstream now lies about all of it", async () => {
    await using server = await startServer(installation, { upstream: upstream.url });
    await load(releases.slice(0, rounds * 6));
    assert.ok(served.size >= rounds * 6, `${served.size} releases were served`);
    for (const release of releases) upstream.lie(release.path, otherBytes("lies"));
    const bundle = await rawRequest(server.url, "/-/log/bundle", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ entries: releases.map(({ name, version }) => ({ name, version })) }),
    });
    const missing = new Set((bundle.json()["missing"] as { name: string }[]).map((entry) => entry.name));
    for (const release of releases) {
      const key = `${release.name}@${release.version}`;
      const tarball = await rawRequest(server.url, release.path);
      if (missing.has(release.name)) {
        assert.ok(!served.has(release), `${key} was served and is not bound`);
        assert.equal(tarball.status, 502, key);
        continue;
      }
      assert.equal(tarball.status, 200, `${key} is bound and its bytes are missing`);
      assert.ok(tarball.body.equals(Buffer.from(release.tarball)), key);
      const before = recorded.get(key);
      if (before !== undefined) {
        const lookup = await rawRequest(server.url, `/-/log/lookup/${key}`);
        assert.equal(recordOf(lookup.text()), before);
      }
    }
  });

  test("the doctor is content after it, and after half files and orphans of a crash", async () => {
    await doctorIsContent();
    const spool = path.join(installation.data, "spool");
    mkdirSync(spool, { recursive: true });
    const half = path.join(spool, "half-a-download");
    writeFileSync(half, "half");
    const server = await startServer(installation, { upstream: upstream.url });
    assert.ok(!existsSync(half), "a start clears what a crash left in the spool");
    assert.equal((await server.stop()).exitCode, 0);
    await doctorIsContent();
  });

  test("a blob that is damaged on disk is never served, and the doctor names it", async () => {
    const victim = [...served][0];
    assert.ok(victim !== undefined);
    const hex = createHash("sha512").update(victim.tarball).digest("hex");
    const file = readdirSync(installation.data, { recursive: true, withFileTypes: true }).find(
      (entry) => entry.name === hex,
    );
    assert.ok(file !== undefined, "the tarball is stored under its digest");
    const where = path.join(file.parentPath, file.name);
    const good = readFileSync(where);
    rmSync(where);
    writeFileSync(where, Buffer.concat([good.subarray(0, -1), Buffer.of((good.at(-1) ?? 0) ^ 1)]));
    await using server = await startServer(installation, { upstream: upstream.url });
    const answer = await rawRequest(server.url, victim.path).catch(() => undefined);
    if (answer?.status === 200) assert.ok(answer.body.equals(Buffer.from(victim.tarball)));
    await server.stop();
    rmSync(where, { force: true });
    writeFileSync(where, good);
  });

  test("a large blob that is damaged or cut on disk is never served, not even a range of it", async () => {
    const files = { "data.bin": pseudoRandom(-1, 3 * 1024 * 1024) };
    const { tarball, path: at } = upstream.publish({ name: "large", version: "1.0.0", files });
    {
      await using server = await startServer(installation, { upstream: upstream.url });
      assert.ok((await rawRequest(server.url, at)).body.equals(Buffer.from(tarball)));
    }
    const hex = createHash("sha512").update(tarball).digest("hex");
    const where = path.join(installation.data, "blobs", "tarball", hex.slice(0, 2), hex);
    const flipped = Buffer.from(tarball);
    flipped[2_000_000] = (flipped[2_000_000] ?? 0) ^ 1;
    for (const damaged of [flipped, tarball.subarray(0, 2_000_000)]) {
      rmSync(where);
      writeFileSync(where, damaged);
      await using server = await startServer(installation, { upstream: upstream.url });
      for (const headers of [{}, { range: "bytes=1999990-2000010" }]) {
        const answer = await rawRequest(server.url, at, { headers });
        assert.equal(answer.status, 500, answer.reason);
      }
    }
    rmSync(where);
    await using server = await startServer(installation, { upstream: upstream.url });
    assert.ok((await rawRequest(server.url, at)).body.equals(Buffer.from(tarball)), "lost bytes are fetched again");
  });
});

async function doctorIsContent(): Promise<void> {
  const doctor = await runAssay(installation, ["doctor", `--data=${installation.data}`, `--upstream=${upstream.url}`]);
  assert.equal(doctor.exitCode, 0, `${doctor.stdout}${doctor.stderr}`);
}
