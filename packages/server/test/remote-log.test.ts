/**
 * A registry that follows somebody else's checksum database: two Assays, a relay between them that lies on demand, and
 * witnesses. What is new is refused with a sentence and evidence that a second party can check; what is proven goes on.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Integrity } from "@assay/core";
import { onNotes, servedBy, startLogRelay, stealLog, type LogRelay } from "@assay/testkit/log-relay";
import {
  createInstallation,
  runAssay,
  startServer,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { createTinyWitness, type TinyWitness } from "@assay/testkit/tiny-witness";
import { createTestUpstream, type PublishedRelease, type TestUpstream } from "@assay/testkit/upstream";
import { checkEvidence, parseEvidence } from "@assay/verify";
import { sha256 } from "@assay/verify/node";

const maxAgeSeconds = 600;

let upstream: TestUpstream;
let databaseAt: Installation;
let database: ServerProcess;
let witnesses: readonly TinyWitness[];
let vkey: string;
let shard: string;
let count = 0;

const standing = new AsyncDisposableStack();

before(async () => {
  upstream = standing.use(await createTestUpstream());
  databaseAt = standing.use(await createInstallation());
  database = standing.use(
    await startServer(databaseAt, {
      upstream: upstream.url,
      flags: ["--role=log"],
      env: { ASSAY_LOG_VISIBILITY: "public" },
    }),
  );
  const listed = (await (await fetch(`${database.url}/-/log/`)).json()) as { logs: { vkey: string; shard: string }[] };
  vkey = listed.logs[0]?.vkey ?? "";
  shard = listed.logs[0]?.shard ?? "";
  witnesses = await Promise.all(
    ["a1", "a2"].map(async (seed, i) => await createTinyWitness(`w${i}.example.com/w`, seed.repeat(32))),
  );
});

after(() => standing.disposeAsync());

/** A release that nobody has asked for yet. */
function release(): PublishedRelease {
  count += 1;
  return upstream.publish({ name: `p${count}`, version: "1.0.0", files: { "index.js": `exports.n = ${count};` } });
}

interface Follower extends AsyncDisposable {
  readonly installation: Installation;
  readonly relay: LogRelay;
  readonly server: ServerProcess;
  restart(): Promise<ServerProcess>;
}

const now = (): number => Math.floor(Date.now() / 1000);

/** Both witnesses sign whatever passes, at this time. */
function witnessing(time: () => number, by = witnesses): ReturnType<typeof onNotes> {
  return onNotes(async (note) => {
    let cosigned = note;
    for (const each of by) cosigned = await each.cosign(cosigned, time());
    return cosigned;
  });
}

/** A registry that follows the database through a relay, and asks for both witnesses. */
async function follower(): Promise<Follower> {
  const stack = new AsyncDisposableStack();
  const relay = stack.use(await startLogRelay(database.url));
  relay.lie = witnessing(now);
  const installation = stack.use(await createInstallation());
  const policy = `${witnesses.map((each, i) => `witness w${i} ${each.vkey}\n`).join("")}group both all w0 w1\nquorum both\n`;
  const start = async (): Promise<ServerProcess> =>
    stack.use(
      await startServer(installation, {
        upstream: upstream.url,
        env: {
          ASSAY_CHECKSUMS_URL: relay.url,
          ASSAY_CHECKSUMS_VKEY: vkey,
          ASSAY_CHECKSUMS_WITNESSES: policy,
          ASSAY_CHECKSUMS_MAX_AGE_SECONDS: String(maxAgeSeconds),
        },
      }),
    );
  let server = await start();
  return {
    installation,
    relay,
    get server() {
      return server;
    },
    async restart() {
      await server.stop();
      server = await start();
      return server;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function get(url: string): Promise<{ status: number; body: Buffer; message: string }> {
  const answer = await fetch(url);
  const body = Buffer.from(await answer.arrayBuffer());
  const json = answer.headers.get("content-type")?.includes("json") === true;
  const message = json ? ((JSON.parse(body.toString()) as { message?: string }).message ?? "") : "";
  return { status: answer.status, body, message };
}

async function installs(at: Follower, wanted: PublishedRelease): Promise<void> {
  const { status, body, message } = await get(`${at.server.url}${wanted.path}`);
  assert.equal(status, 200, message);
  assert.ok(body.equals(Buffer.from(wanted.tarball)));
}

/** Asking for a new release is refused with this sentence, and nothing of it is bound. */
async function refuses(at: Follower, wanted: PublishedRelease, sentence: RegExp, status = 502): Promise<void> {
  const answer = await get(`${at.server.url}${wanted.path}`);
  assert.match(answer.message, sentence);
  assert.equal(answer.status, status);
  assert.equal((await get(`${at.server.url}/-/log/proof/${wanted.name}@1.0.0`)).status, 404);
}

/** The evidence of this kind that the registry kept: it must hold for somebody who has nothing but the key. */
async function evidenceOf(at: Follower, kind: string): Promise<{ readonly convicts: boolean }> {
  const folder = path.join(at.installation.data, "blobs", "incident");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const documents = files.map((each) => parseEvidence(readFileSync(path.join(each.parentPath, each.name))));
  const found = documents.filter((each) => each["kind"] === kind);
  assert.ok(found.length > 0, `no evidence of kind ${kind}; there is ${documents.map((each) => each["kind"]).join()}`);
  assert.equal(found[0]?.["vkey"], vkey);
  const verdict = await checkEvidence({ sha256 }, found[0] ?? {});
  assert.ok(verdict.holds, "reason" in verdict ? verdict.reason : "");
  return verdict;
}

test("what is new is held against the followed log, and what it binds is relayed under our own address", async () => {
  await using at = await follower();
  const [one, two] = [release(), release()];
  await installs(at, one);
  const ours = await get(`${at.server.url}/-/log/lookup/${one.name}@1.0.0`);
  const theirs = await get(`${database.url}/-/log/lookup/${one.name}@1.0.0`);
  const recordIn = (body: Buffer): string => body.toString().split("\n\n")[0] ?? "";
  assert.equal(recordIn(ours.body), recordIn(theirs.body));
  assert.match(ours.body.toString(), /\n— w0\.example\.com\/w .*\n— w1\.example\.com\/w /);
  assert.equal((await get(`${at.server.url}/-/log/lookup/${two.name}@1.0.0`)).status, 200, "a lookup admits it first");
  const firstEntry = `/-/log/${shard}/tile/entries/000.p/1`;
  const relayed = await get(`${at.server.url}${firstEntry}`);
  assert.equal(relayed.status, 200);
  assert.deepEqual(relayed.body, (await get(`${database.url}${firstEntry}`)).body);
  const list = (await get(`${at.server.url}/-/log/`)).body.toString();
  assert.ok(list.includes(vkey) && !list.includes(at.relay.url));
});

test("assay verify pins the database's key and needs only the registry, online and offline", async () => {
  await using at = await follower();
  const locked = [release(), release(), release()];
  const folder = at.installation.home;
  const packages = Object.fromEntries(
    locked.map(({ name, integrity }) => [
      `node_modules/${name}`,
      { version: "1.0.0", resolved: `${at.server.url}/${name}/-/${name}-1.0.0.tgz`, integrity },
    ]),
  );
  const lockfile = { name: "app", lockfileVersion: 3, packages: { "": { name: "app" }, ...packages } };
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lockfile));
  const verify = ["verify", "--registry", at.server.url, "--trust", vkey];
  const online = await runAssay(at.installation, [...verify, "--save-bundle", "bundle.json"], folder);
  assert.equal(online.exitCode, 0, online.stderr + online.stdout);
  at.relay.down = true;
  const again = await runAssay(at.installation, verify, folder);
  assert.equal(again.exitCode, 0, again.stderr + again.stdout);
  await at.server.stop();
  const offline = await runAssay(at.installation, ["verify", "--trust", vkey, "--offline", "bundle.json"], folder);
  assert.equal(offline.exitCode, 0, offline.stderr + offline.stdout);
});

/** Each: what the relay does, what the registry says, and what it keeps. All end when the relay tells the truth again. */
const passingLies: readonly {
  readonly what: string;
  readonly kind: string;
  readonly sentence: RegExp;
  readonly tell: (relay: LogRelay) => Promise<void>;
}[] = [
  {
    what: "a log signed by another key",
    kind: "wrong-signature",
    sentence: /^The log .* is refused: a signed note is no good: no known key signed it\.$/,
    async tell(relay) {
      const stranger = await createTinyLog({ origin: vkey.slice(0, vkey.indexOf("+")), seed: "ee".repeat(32) });
      relay.lie = servedBy(stranger, (name, version) => void stranger.bind(name, version, integrityOf(name)));
    },
  },
  {
    what: "a log that one of two witnesses has not seen",
    kind: "unwitnessed",
    sentence: /does not satisfy the witness policy: needs 2 of w0, w1; cosigned by w0\.$/,
    async tell(relay) {
      relay.lie = witnessing(now, witnesses.slice(0, 1));
    },
  },
  {
    what: "a stalled log",
    kind: "stalled",
    sentence:
      /by its witnesses' clocks, and at most 600 s are allowed; it has stalled, or somebody withholds what is newer\.$/,
    async tell(relay) {
      relay.lie = witnessing(() => now() - maxAgeSeconds - 60);
    },
  },
  {
    what: "a lookup of another package",
    kind: "wrong-answer",
    sentence: /asked for p\d+@1\.0\.0, it answers the record of p\d+@1\.0\.0\.$/,
    async tell(relay) {
      const known = await (await fetch(`${database.url}/-/log/lookup/p1@1.0.0`)).text();
      const honest = witnessing(now);
      relay.lie = async (answer, at) =>
        await honest(at.includes("/lookup/") ? { status: 200, body: Buffer.from(known) } : answer, at);
    },
  },
  {
    what: "tiles that do not lead to the signed root",
    kind: "wrong-tile",
    sentence: /the tiles at its right edge do not fold to the signed root\.$/,
    async tell(relay) {
      const honest = witnessing(now);
      relay.lie = async (answer, at) =>
        at.includes("/tile/0/") ? { ...answer, body: answer.body.map((byte) => byte ^ 1) } : await honest(answer, at);
    },
  },
];

for (const { what, kind, sentence, tell } of passingLies) {
  test(`refuses ${what}, serves on what is bound, and goes on when the log is honest again`, async () => {
    await using at = await follower();
    const [bound, fresh] = [release(), release()];
    await installs(at, bound);
    await tell(at.relay);
    await refuses(at, fresh, sentence);
    assert.equal((await evidenceOf(at, kind)).convicts, false);
    await installs(at, bound);
    at.relay.lie = witnessing(now);
    await installs(at, fresh);
  });
}

test("a rolled-back log is refused, with what it shows and what it had signed", async () => {
  await using at = await follower();
  const bound = release();
  await installs(at, bound);
  const old = await stealLog({ url: database.url, data: databaseAt.data, shard });
  const smaller = old.fork(old.size() - 1);
  const honest = witnessing(now);
  at.relay.lie = async (answer, path) =>
    path.endsWith("/checkpoint")
      ? await honest({ status: 200, body: Buffer.from(await smaller.checkpoint()) }, path)
      : answer;
  await at.restart();
  const sentence =
    /it shows a tree of \d+ entries although it signed one of \d+ before; either somebody replays an old state, or the log was restored from an old backup/;
  for (let tries = 0; !sentence.test(at.server.output()); tries += 1) {
    assert.ok(tries < 300, at.server.output());
    await delay(100);
  }
  assert.equal((await evidenceOf(at, "rolled-back")).convicts, false);
  await installs(at, bound);
});

test("a forked log convicts its key: nothing new is taken any more, over restarts, and what is bound is served", async () => {
  await using at = await follower();
  const [bound, fresh, later] = [release(), release(), release()];
  await installs(at, bound);
  const stolen = await stealLog({ url: database.url, data: databaseAt.data, shard });
  const fork = stolen.fork(stolen.size() - 1);
  const lie = servedBy(fork, (name, version) => void fork.bind(name, version, fresh.integrity as Integrity));
  fork.bind("other", "1.0.0", integrityOf("other"));
  const honest = witnessing(now);
  at.relay.lie = async (answer, path) => await honest(await lie(answer, path), path);
  const sentence =
    /its key signed two histories that exclude each other; what is bound stays, and nothing new is taken from it\.$/;
  await refuses(at, fresh, sentence);
  assert.equal((await evidenceOf(at, "fork")).convicts, true);
  at.relay.lie = honest;
  await refuses(at, later, sentence);
  await at.restart();
  await refuses(at, later, sentence);
  await installs(at, bound);
  assert.equal((await get(`${at.server.url}/-/log/lookup/${bound.name}@1.0.0`)).status, 200);
  const env = { ASSAY_CHECKSUMS_URL: at.relay.url, ASSAY_CHECKSUMS_VKEY: vkey, ASSAY_UPSTREAM: upstream.url };
  const seen = await runAssay(at.installation, ["doctor", "--data", at.installation.data], undefined, env);
  assert.match(seen.stdout, /has forked: what is bound is served, nothing new is taken/);
});

test("an upstream that serves something else than the log binds is refused, and the difference is evidence", async () => {
  await using at = await follower();
  const wanted = release();
  await get(`${database.url}/-/log/lookup/${wanted.name}@1.0.0`);
  const other = upstream.publish({ name: wanted.name, version: "1.0.0", files: { "index.js": "steal();" } });
  assert.notEqual(other.integrity, wanted.integrity);
  await refuses(
    at,
    wanted,
    /^Refused p\d+@1\.0\.0: upstream npm serves something else than record \d+ of the log .* says \(integrity sha512-/,
  );
  assert.equal((await evidenceOf(at, "differs")).convicts, false);
});

test("what the log does not bind is refused with its reason; a log that is down refuses what is new only", async () => {
  await using at = await follower();
  const [bound, unknown, fresh] = [release(), release(), release()];
  await installs(at, bound);
  const honest = witnessing(now);
  at.relay.lie = async (answer, path) =>
    path.includes(`/lookup/${unknown.name}@`)
      ? { status: 404, body: Buffer.from(JSON.stringify({ message: `${unknown.name}@1.0.0 was not found.` })) }
      : await honest(answer, path);
  await refuses(at, unknown, /^Refused p\d+@1\.0\.0: the log .* does not bind it \(p\d+@1\.0\.0 was not found\)\.$/);
  at.relay.down = true;
  await refuses(at, fresh, /^The log at .* cannot be read: no connection\.$/, 503);
  await installs(at, bound);
  await at.restart();
  await installs(at, bound);
  assert.equal((await get(`${at.server.url}/-/health/ready`)).status, 200);
});

test("assay doctor shows the followed log: well, not signed, away, forked", async () => {
  await using at = await follower();
  await installs(at, release());
  const env = {
    ASSAY_CHECKSUMS_URL: at.relay.url,
    ASSAY_CHECKSUMS_VKEY: vkey,
    ASSAY_UPSTREAM: upstream.url,
    ASSAY_PORT: "0",
  };
  const doctor = async (): Promise<string> => {
    const { stdout } = await runAssay(at.installation, ["doctor", "--data", at.installation.data], undefined, env);
    return stdout.split("\n").find((line) => line.includes("followed log")) ?? stdout;
  };
  assert.match(await doctor(), /✓.*has \d+ entries, of one history with the \d+ seen before; no witness is asked for/);
  const stranger = await createTinyLog({ origin: vkey.slice(0, vkey.indexOf("+")), seed: "ee".repeat(32) });
  at.relay.lie = servedBy(stranger, () => {});
  assert.match(await doctor(), /✗.*is refused: a signed note is no good: no known key signed it/);
  at.relay.down = true;
  assert.match(await doctor(), /✗.*cannot be read: no connection/);
});

test("pages show the records of the followed log, and of the log kept before, each with its own proof", async () => {
  const [before, one] = [release(), release()];
  await using installation = await createInstallation();
  {
    await using own = await startServer(installation, { upstream: upstream.url });
    const rotated = await runAssay(installation, ["log", "rotate", `--data=${installation.data}`]);
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    assert.equal((await get(`${own.url}/-/log/lookup/${before.name}@1.0.0`)).status, 200);
  }
  const env = { ASSAY_CHECKSUMS_URL: database.url, ASSAY_CHECKSUMS_VKEY: vkey };
  await using server = await startServer(installation, { upstream: upstream.url, env });
  const html = { headers: { accept: "text/html" } };
  const kept = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { shard: string }[] };
  const ours = kept.logs.map((log) => log.shard).find((name) => name !== shard);
  assert.ok(ours !== undefined, "the log kept before is served");
  const old = await fetch(`${server.url}/-/web/log/${ours}/1`, html);
  assert.match(await old.text(), new RegExp(`bind of ${before.name}@1\\.0\\.0`));
  assert.equal((await get(`${server.url}/-/log/lookup/${one.name}@1.0.0`)).status, 200);
  const found = await fetch(`${server.url}/-/web/log?q=${one.name}@1.0.0`, html);
  assert.ok(found.url.includes(`/-/web/log/${shard}/`), found.url);
  assert.match(await found.text(), new RegExp(`bind of ${one.name}@1\\.0\\.0`));
  const front = await (await fetch(`${server.url}/-/web/log`, html)).text();
  assert.ok(front.includes(vkey) && front.includes(ours));
});

test("a log that goes on in a new shard is followed by the key that the old one vouched for, and back by what the new one vouches for", async () => {
  await using at = await follower();
  const [old, older, fresh, later] = [release(), release(), release(), release()];
  await installs(at, old);
  await get(`${database.url}/-/log/lookup/${older.name}@1.0.0`);
  const rotated = await runAssay(databaseAt, ["log", "rotate", "--json", "--data", databaseAt.data]);
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  const next = JSON.parse(rotated.stdout) as { shard: string; vkey: string };
  await installs(at, fresh);
  await installs(at, older);
  const shardOf = async (name: string): Promise<string> =>
    (await get(`${at.server.url}/-/log/${next.shard}/lookup/${name}@1.0.0`)).status === 200 ? next.shard : shard;
  assert.deepEqual([await shardOf(fresh.name), await shardOf(older.name)], [next.shard, shard]);
  const listed = JSON.parse((await get(`${at.server.url}/-/log/`)).body.toString()) as {
    logs: { vkey: string; state: string }[];
  };
  assert.deepEqual(
    listed.logs.map((log) => [log.vkey, log.state]),
    [
      [next.vkey, "open"],
      [vkey, "frozen"],
    ],
  );
  await at.restart();
  await installs(at, later);
  // Somebody who pins the new key only.
  vkey = next.vkey;
  await using back = await follower();
  await installs(back, old);
  await installs(back, later);
  const copied = await runAssay(
    back.installation,
    ["log", "mirror", database.url, "--trust", vkey, "--to", "copy", "--json"],
    back.installation.home,
  );
  assert.equal(copied.exitCode, 0, copied.stderr);
  const { shards } = JSON.parse(copied.stdout) as { shards: { path: string }[] };
  assert.deepEqual(
    shards.map((each) => each.path),
    [`-/log/${shard}`, `-/log/${next.shard}`],
  );
});

test("a server of role log is a database and nothing else", async () => {
  const wanted = release();
  const read = await get(`${database.url}/${wanted.name}`);
  assert.equal(read.status, 404);
  assert.equal(
    read.message,
    `GET /${wanted.name} is not here: this server is a checksum database; point the client at a registry.`,
  );
  assert.equal((await get(`${database.url}${wanted.path}`)).status, 404);
  const write = await fetch(`${database.url}/${wanted.name}`, { method: "PUT", body: "{}" });
  assert.equal(write.status, 403);
  assert.match(
    ((await write.json()) as { message: string }).message,
    /PUT \/p\d+ is not possible: this server is a checksum database/,
  );
  assert.equal((await get(`${database.url}/-/log/lookup/${wanted.name}@1.0.0`)).status, 200);
  assert.equal((await get(`${database.url}/-/log/lookup/${wanted.name}@9.9.9`)).status, 404);
  assert.equal((await get(`${database.url}/-/health/ready`)).status, 200);
  assert.match((await get(`${database.url}/-/metrics`)).body.toString(), /assay_/);
  const page = await fetch(`${database.url}/`, { headers: { accept: "text/html" } });
  assert.ok(page.url.endsWith("/-/web/log"));
  assert.equal(page.status, 200);
  assert.equal((await get(`${database.url}/-/web/style.css`)).status, 200);
});
