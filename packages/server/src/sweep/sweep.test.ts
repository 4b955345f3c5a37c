import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fromBase64, integrityHex, parsePackageName, parseVersion, toHex, type PackageName } from "@assay/core";
import { flippedByte, status } from "@assay/testkit/lies";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestRooms, type TestRooms } from "../../test/admission-rooms.ts";
import type { Clock } from "../platform/clock.ts";
import { createEvents } from "../platform/events/outbox.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { readWalk } from "./store.ts";
import { createSweep } from "./sweep.ts";

const version = parseVersion("1.0.0");
const minuteMs = 60_000;
/** The defaults of the configuration. */
const defaults = {
  everyMinutes: 8,
  bytesPerSecond: 4 * 1024 * 1024,
  requestsPerSecond: 2,
  sampleBytesPerSecond: 16 * 1024,
};

interface Place extends TestRooms {
  readonly folder: string;
  readonly names: readonly PackageName[];
}

/** A store of so many packages, each bound, with a mirror that has the same. */
async function place(t: TestContext, count: number): Promise<Place> {
  const folder = tempFolder(t);
  const rooms = await createTestRooms(folder, { mirrors: ["near"] });
  t.after(() => rooms[Symbol.asyncDispose]());
  const names = Array.from({ length: count }, (_, i) => parsePackageName(`p${i}`));
  for (const name of names) {
    const release = { name, version, files: { "index.js": `exports.name = "${name}";`.repeat(20) } };
    rooms.upstream.publish(release);
    rooms.mirrors["near"]?.publish(release);
    await rooms.admission.admit(name, version);
  }
  return { ...rooms, folder, names };
}

/** The clock is moved by so much at once. */
const stepMs = 2000;

interface Running {
  /** Moves the clock in steps; after each, every walk is idle again. */
  advance(ms: number, afterStep?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
  metrics(): Promise<string>;
}

/** Runs the sweep on a clock that tells when all walks wait. */
function start(here: Place, settings = defaults): Running {
  const waiting = new Set<object>();
  const { clock } = here;
  const watched: Clock = {
    now: clock.now,
    monotonicMs: clock.monotonicMs,
    async sleep(ms, signal) {
      const sleeper = {};
      waiting.add(sleeper);
      try {
        await clock.sleep(ms, signal);
      } finally {
        waiting.delete(sleeper);
      }
    },
  };
  const stop = new AbortController();
  const metrics = createMetrics({ processMetrics: false });
  const deps = { ...here, clock: watched, events: createEvents({ clock }), telemetry: { ...here.telemetry, metrics } };
  const running = createSweep(deps, { sweep: settings }).run(stop.signal);
  const idle = async (): Promise<void> => {
    while (waiting.size < 3) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    async advance(ms, afterStep = async () => {}) {
      for (let left = ms; left > 0; left -= stepMs) {
        await idle();
        await clock.advance(Math.min(left, stepMs));
      }
      await idle();
      await afterStep();
    },
    async stop() {
      stop.abort();
      await running;
    },
    metrics: () => metrics.render(),
  };
}

async function blobFile(here: Place, name: PackageName, what: "tarball" | "manifest"): Promise<string> {
  const bind = (await here.checksums.bindsOf(name)).get(version);
  assert.ok(bind !== undefined);
  const hex = what === "tarball" ? integrityHex(bind.integrity) : toHex(fromBase64(bind.manifest.slice(7)));
  return join(here.folder, "blobs", what, hex.slice(0, 2), hex);
}

/** Changes a file as somebody with access to the disk would. */
function tamper(file: string): void {
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  rmSync(file);
  writeFileSync(file, bytes);
}

function addDependency(manifest: Record<string, unknown> | undefined): void {
  assert.ok(manifest !== undefined);
  manifest["dependencies"] = { evil: "*" };
}

/** What each kind of tampering does, and the event that shows it. */
const kinds = {
  "bytes on disk": async (here: Place, name: PackageName) => {
    tamper(await blobFile(here, name, "tarball"));
    return "blob.damaged tarball";
  },
  "manifest on disk": async (here: Place, name: PackageName) => {
    tamper(await blobFile(here, name, "manifest"));
    return "blob.damaged manifest";
  },
  "bytes gone from disk": async (here: Place, name: PackageName) => {
    rmSync(await blobFile(here, name, "tarball"));
    return "blob.damaged tarball";
  },
  "dependency added by the owner": async (here: Place, name: PackageName) => {
    here.upstream.edit(name, ({ versions }) => addDependency(versions[version]));
    return "upstream.conflict npm listing";
  },
  "integrity changed by the owner": async (here: Place, name: PackageName) => {
    here.upstream.edit(name, ({ versions }) => {
      const dist = versions[version]?.dist ?? {};
      dist["integrity"] = `sha512-${"A".repeat(86)}==`;
    });
    return "upstream.conflict npm listing";
  },
  "dependency added by a mirror": async (here: Place, name: PackageName) => {
    here.mirrors["near"]?.edit(name, ({ versions }) => addDependency(versions[version]));
    return "upstream.conflict near listing";
  },
  "bytes changed at the owner": async (here: Place, name: PackageName) => {
    here.upstream.lie(`/${name}/-/${name}-1.0.0.tgz`, flippedByte(40));
    return "upstream.conflict npm bytes";
  },
} satisfies Record<string, (here: Place, name: PackageName) => Promise<string>>;

test("of 210 tamperings at random moments, 99 of 100 are found within 10 minutes, with the default budgets", async (t) => {
  const here = await place(t, 210);
  const random = createSeededRandom(11);
  const makers = Object.values(kinds);
  const planned = here.names
    .map((name, i) => ({ name, atMs: Math.floor(random.fraction() * 20 * minuteMs), make: makers[i % makers.length] }))
    .sort((a, b) => a.atMs - b.atMs);
  const waiting = new Map<string, number>();
  const delays: number[] = [];
  const sweep = start(here);
  let seen = 0;
  const startMs = here.clock.now();
  const lookAtEvents = async (): Promise<void> => {
    const events = await here.events();
    for (const { kind, subject, data } of events.slice(seen)) {
      const what = kind === "blob.damaged" ? String(data["what"]) : `${String(data["source"])} ${String(data["from"])}`;
      const key = `${subject} ${kind} ${what}`;
      const injectedMs = waiting.get(key);
      if (injectedMs === undefined) continue;
      waiting.delete(key);
      delays.push(here.clock.now() - injectedMs);
    }
    seen = events.length;
  };
  // Into the middle of a pass, so that no injection has it easy.
  await sweep.advance(3 * minuteMs);
  for (let passedMs = 0; passedMs < 31 * minuteMs; passedMs += stepMs) {
    while (planned[0] !== undefined && planned[0].atMs <= passedMs) {
      const { name, make } = planned.shift() ?? {};
      if (name === undefined || make === undefined) break;
      waiting.set(`npm ${name}@1.0.0 ${await make(here, name)}`, here.clock.now());
    }
    await sweep.advance(stepMs, lookAtEvents);
  }
  await sweep.stop();
  assert.deepEqual([...waiting.keys()], [], "everything is found");
  assert.equal(delays.length, 210);
  delays.sort((a, b) => a - b);
  const p99 = delays[Math.floor(delays.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  t.diagnostic(`found after ${(delays[105] ?? 0) / 1000} s in the middle, p99 ${p99 / 1000} s`);
  assert.ok(p99 <= 10 * minuteMs, `p99 ${p99 / 1000} s`);
  assert.ok(here.clock.now() - startMs >= 34 * minuteMs);
  // What could be healed is: bytes and manifests on disk are the bound ones again.
  for (const name of here.names) assert.deepEqual(await here.admission.examine(name, version, async () => {}), []);
  const text = await sweep.metrics();
  assert.match(text, /assay_sweep_found_total\{what="tarball damaged"\} 30/);
  assert.match(text, /assay_sweep_found_total\{what="tarball missing"\} 30/);
  assert.match(text, /assay_sweep_found_total\{what="manifest damaged"\} 30/);
});

test("damaged bytes go to the evidence, are served by nobody, and come back as the bound ones", async (t) => {
  const here = await place(t, 3);
  const [name] = here.names as [PackageName];
  const file = await blobFile(here, name, "tarball");
  const right = readFileSync(file);
  tamper(file);
  const wrong = readFileSync(file);
  const sweep = start(here);
  await sweep.advance(9 * minuteMs);
  await sweep.stop();
  assert.ok(readFileSync(file).equals(right));
  const [key] = await here.blobKeys("evidence");
  assert.ok(readFileSync(join(here.folder, "blobs", key ?? "")).equals(wrong));
  const damaged = (await here.events()).filter(({ kind }) => kind === "blob.damaged");
  assert.deepEqual(
    damaged.map(({ subject, data }) => [subject, data]),
    [[`npm ${name}@1.0.0`, { what: "tarball", found: "other bytes", now: "restored" }]],
  );
});

test("what cannot be fetched again is told of once, stays unserved, and comes back when a source has it", async (t) => {
  const here = await place(t, 2);
  const [name] = here.names as [PackageName];
  const tarball = `/${name}/-/${name}-1.0.0.tgz`;
  here.upstream.lie(tarball, status(503));
  here.mirrors["near"]?.lie(tarball, status(503));
  const file = await blobFile(here, name, "tarball");
  tamper(file);
  const sweep = start(here);
  await sweep.advance(30 * minuteMs);
  assert.equal(existsSync(file), false);
  const outcomes = async (): Promise<unknown[]> =>
    (await here.events()).filter(({ kind }) => kind === "blob.damaged").map(({ data }) => data["now"]);
  assert.deepEqual(await outcomes(), ["lost"]);
  await assert.rejects(here.serving.tarballs.find(name, version));
  here.upstream.honest();
  await sweep.advance(10 * minuteMs);
  await sweep.stop();
  assert.deepEqual(await outcomes(), ["lost", "restored"]);
  assert.ok(await here.serving.tarballs.find(name, version));
});

test("a mirror that serves other bytes is on record and put aside; one that serves the same is confirmed", async (t) => {
  const here = await place(t, 4);
  const [liar] = here.names as [PackageName];
  here.mirrors["near"]?.lie(`/${liar}/-/${liar}-1.0.0.tgz`, flippedByte(40));
  const sweep = start(here);
  await sweep.advance(9 * minuteMs);
  await sweep.stop();
  assert.ok((await here.upstreams.standing.aside()).has("near"));
  const [conflict] = await here.claimTexts("conflict");
  assert.match(conflict ?? "", /\nsource near\n/);
  assert.match(await sweep.metrics(), /assay_sweep_found_total\{what="source bytes"\} 1/);
  // Looked at before the lie came up, or never while it is aside.
  for (const text of await here.claimTexts("confirm")) assert.match(text, /\nsource near\n/);
});

test("an honest store causes no event, and listings that did not change are not sent again", async (t) => {
  const here = await place(t, 5);
  const before = (await here.events()).length;
  const sweep = start(here);
  await sweep.advance(25 * minuteMs);
  await sweep.stop();
  assert.equal((await here.events()).length, before);
  assert.equal((await here.claimTexts("confirm")).length, 5);
  const asked = here.mirrors["near"]?.requests.filter(({ path }) => path === "/p0") ?? [];
  assert.ok(asked.length >= 3);
  assert.ok(asked.slice(1).every(({ headers }) => headers["if-none-match"] !== undefined));
});

test("a restart goes on where the sweep was, and what is late is caught up", async (t) => {
  const here = await place(t, 12);
  const first = start(here);
  await first.advance(4 * minuteMs);
  await first.stop();
  const before = await readWalk(here.database.read, "blobs");
  assert.ok(before !== undefined && before.done >= 5 && before.done <= 7, JSON.stringify(before));
  // Nobody looks for three minutes.
  await here.clock.advance(3 * minuteMs);
  const second = start(here);
  await second.advance(1000);
  const caughtUp = await readWalk(here.database.read, "blobs");
  assert.equal(caughtUp?.startedAtMs, before.startedAtMs);
  assert.ok((caughtUp?.done ?? 0) >= before.done);
  await second.advance(2 * minuteMs);
  await second.stop();
  const after = await readWalk(here.database.read, "blobs");
  assert.equal(after?.last?.done, 12);
  assert.ok((after?.last?.endedAtMs ?? 0) - before.startedAtMs <= 8 * minuteMs + 2000);
});

test("a budget that is too small for the pass is kept; the pass takes longer", async (t) => {
  const here = await place(t, 10);
  const sweep = start(here, { ...defaults, requestsPerSecond: 1, bytesPerSecond: 1, sampleBytesPerSecond: 1 });
  const bound = (await here.checksums.bindsOf(here.names[0] as PackageName)).get(version);
  await sweep.advance(10 * minuteMs);
  const walk = await readWalk(here.database.read, "blobs");
  // Tarball and manifest of one release are more than a hundred bytes, a byte a second.
  assert.ok((bound?.sizeBytes ?? 0) > 100);
  assert.ok((walk?.done ?? 0) < 6, JSON.stringify(walk));
  assert.match(await sweep.metrics(), /assay_sweep_items_behind\{walk="blobs"\} [1-9]/);
  assert.match(await sweep.metrics(), /assay_sweep_last_full_pass_seconds\{walk="blobs"\} 0/);
  await sweep.stop();
});

test("nothing is looked after when it is switched off, nor is anything when nothing is bound", async (t) => {
  const here = await place(t, 1);
  const requests = here.upstream.requests.length;
  const off = createSweep(
    {
      ...here,
      events: createEvents(here),
      telemetry: { ...here.telemetry, metrics: createMetrics({ processMetrics: false }) },
    },
    { sweep: { ...defaults, everyMinutes: 0 } },
  );
  await off.run(new AbortController().signal);
  assert.equal(here.upstream.requests.length, requests);
  const empty = await place(t, 0);
  const sweep = start(empty);
  await sweep.advance(20 * minuteMs);
  await sweep.stop();
  assert.equal(empty.upstream.requests.length, 0);
  assert.equal((await readWalk(empty.database.read, "listings"))?.last?.done, 0);
});
