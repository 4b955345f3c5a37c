/** `assay log tail | show | prove | fsck`, of the log here and of the same log by its URL, over a rotation. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { leafHash, openNote, parseCheckpoint, parseTlogProof, verifier, verifyInclusion } from "@assay/core";
import { createHash } from "node:crypto";
import {
  createInstallation,
  runAssay,
  startServer,
  type CommandResult,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let vkeys: readonly string[] = [];
let published = 0;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** `assay log …` of the log here, and by its URL: the same must come of both. */
const ways: readonly [name: string, options: () => readonly string[]][] = [
  ["here", () => [`--data=${installation.data}`]],
  ["by its URL", () => [`--url=${server.url}`, ...vkeys.map((vkey) => `--trust=${vkey}`)]],
];

const assay = (...args: readonly string[]): Promise<CommandResult> =>
  runAssay(installation, ["log", ...args], installation.home, { ASSAY_UPSTREAM: upstream.url });

async function bind(): Promise<string> {
  published += 1;
  upstream.publish({ name: `tool-${published}`, version: "1.0.0" });
  const response = await fetch(`${server.url}/-/log/lookup/tool-${published}@1.0.0`);
  assert.equal(response.status, 200);
  return `tool-${published}@1.0.0`;
}

async function logs(): Promise<{ shard: string; vkey: string; origin: string }[]> {
  const answer = (await (await fetch(`${server.url}/-/log/`)).json()) as {
    logs: { shard: string; vkey: string; origin: string }[];
  };
  return answer.logs;
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
  for (let i = 0; i < 3; i += 1) await bind();
  const rotated = await assay("rotate", `--data=${installation.data}`);
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  for (let i = 0; i < 2; i += 1) await bind();
  vkeys = (await logs()).map(({ vkey }) => vkey);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

for (const [way, options] of ways) {
  test(`tail prints the newest records over both shards, ${way}`, async () => {
    const all = await assay("tail", "--no-follow", "--lines=100", "--json", ...options());
    assert.equal(all.exitCode, 0, all.stderr);
    const lines = all.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { shard: string; index: number; record: { kind: string; use?: string } });
    const [young, old] = await logs();
    // The key that this server signs releases with may stand anywhere among them.
    const told = lines.filter(({ record }) => record.use !== "registry-signature");
    assert.deepEqual(
      told.map(({ shard, record }) => [shard, record.kind]),
      [
        ...["bind", "bind", "bind", "key", "shard"].map((kind) => [old?.shard, kind]),
        ...["shard", "bind", "bind"].map((kind) => [young?.shard, kind]),
      ],
    );
    for (const shard of [old?.shard, young?.shard]) {
      const indexes = lines.filter((line) => line.shard === shard).map(({ index }) => index);
      assert.deepEqual(indexes, [...indexes.keys()], "every record of the shard, in order");
    }
    const few = await assay("tail", "--no-follow", "--lines=4", ...options());
    assert.match(few.stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}npm-\d{4}a\/\d+ {2}shard {6}shard successor /);
    assert.equal(few.stdout.trimEnd().split("\n").length, 4);
    assert.match(few.stdout, /\/2 {2}bind {7}tool-5@1\.0\.0 sha512-\S+ from npm\n$/);
  });

  test(`show and prove answer what the lookup answers, ${way}`, async () => {
    const [, old] = await logs();
    const found = await (await fetch(`${server.url}/-/log/lookup/tool-2@1.0.0`)).text();
    const at = Number(found.split("\n", 1)[0]);
    const end = Number(found.split("\n\n")[1]?.split("\n")[1]);
    for (const asked of ["tool-2@1.0.0", `${old?.shard}/${at}`]) {
      const shown = await assay("show", asked, ...options());
      assert.equal(shown.exitCode, 0, shown.stderr);
      assert.match(shown.stdout, /^assay\/v1 bind\nns npm\nname tool-2\n/);
      assert.match(shown.stdout, new RegExp(`Entry ${at} of ${old?.shard}, in the signed tree of ${end} entries\\.`));
      const proved = await assay("prove", asked, ...options());
      assert.equal(proved.exitCode, 0, proved.stderr);
      const { extra = new Uint8Array(0), index, proof, checkpoint } = parseTlogProof(proved.stdout);
      const { size, root } = parseCheckpoint((await openNote(checkpoint, [await verifier(old?.vkey ?? "")])).text);
      assert.ok(verifyInclusion(sha256, { size, root, index, leafHash: leafHash(sha256, extra), proof }));
      assert.match(Buffer.from(extra).toString(), /\nname tool-2\n/);
    }
    const out = path.join(installation.home, `proof-${way.length}`);
    const written = await assay("prove", "tool-5@1.0.0", `--out=${out}`, ...options());
    assert.equal(written.exitCode, 0, written.stderr);
    assert.ok(existsSync(out) && readFileSync(out, "utf8").startsWith("c2sp.org/tlog-proof@v1\n"));
    const link = await assay("show", `${old?.shard}/${end - 1}`, ...options());
    assert.match(link.stdout, new RegExp(`Before it, of the same package:\\n.*/${end - 2} {2}key `));
  });

  test(`what is not there is said, and nothing is bound by asking, ${way}`, async () => {
    upstream.publish({ name: "never", version: "1.0.0" });
    for (const asked of ["never@1.0.0", "npm-1999a/0", `${(await logs())[0]?.shard}/999`]) {
      const shown = await assay("show", asked, ...options());
      assert.equal(shown.exitCode, 2, shown.stdout);
      const proved = await assay("prove", asked, ...options());
      assert.equal(proved.exitCode, 2, proved.stdout);
    }
    const response = await fetch(`${server.url}/-/log/proof/never@1.0.0`);
    assert.equal(response.status, 404);
  });

  test(`fsck recomputes a sound log, ${way}`, async () => {
    const checked = await assay("fsck", ...options());
    assert.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
    assert.match(checked.stdout, /^✓ \d+ entries, and everything that follows from them\.\n$/);
  });
}

for (const [way, options] of ways)
  test(`tail goes on as records come, over a rotation, ${way}`, async () => {
    const main = path.join(import.meta.dirname, "..", "..", "cli", "src", "main.ts");
    const child = spawn(process.execPath, [main, "log", "tail", "--lines=1", "--json", ...options()], {
      cwd: installation.home,
      env: {
        ...process.env,
        HOME: installation.home,
        XDG_STATE_HOME: path.join(installation.home, ".local", "state"),
        ASSAY_UPSTREAM: upstream.url,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    const kinds: string[] = [];
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        kinds.push((JSON.parse(line) as { record: { kind: string } }).record.kind);
        // The first one was there: it has begun.
        if (kinds.length === 1) {
          await bind();
          // Of another registry the key of a new shard is not trusted yet.
          if (way === "here") await assay("rotate", `--data=${installation.data}`);
        }
        if (kinds.length === (way === "here" ? 5 : 2)) break;
      }
    } finally {
      child.kill("SIGINT");
    }
    assert.equal(await ended, 0);
    assert.deepEqual(kinds.slice(1), way === "here" ? ["bind", "key", "shard", "shard"] : ["bind"]);
    vkeys = (await logs()).map(({ vkey }) => vkey);
  });

test("of another registry only trusted keys are read", async () => {
  const [first = ""] = vkeys;
  const some = await assay("tail", "--no-follow", "--lines=100", "--json", `--url=${server.url}`, `--trust=${first}`);
  assert.equal(some.exitCode, 0, some.stderr);
  assert.match(some.stderr, /npm-\d{4}a is not trusted and not read/);
  assert.doesNotMatch(some.stdout, /"shard":"npm-\d{4}a"/);
  const none = await assay("fsck", `--url=${server.url}`);
  assert.equal(none.exitCode, 2);
  assert.match(none.stderr, /No log is trusted/);
});

test("fsck finds an entry that was changed, here and by its URL, and fails", async () => {
  await server.stop();
  const database = new DatabaseSync(path.join(installation.data, "assay.db"));
  database.exec("update log_entries set record = replace(record, 'size ', 'size 1') where idx = 1 and shard like '%a'");
  database.close();
  const here = await assay("fsck", `--data=${installation.data}`, "--json");
  assert.equal(here.exitCode, 1, here.stdout);
  assert.match(here.stdout, /entry 1 does not have the leaf hash that was signed/);
  server = await startServer(installation, { upstream: upstream.url });
  const there = await assay("fsck", `--url=${server.url}`, ...vkeys.map((vkey) => `--trust=${vkey}`));
  assert.equal(there.exitCode, 1);
  assert.match(
    there.stderr,
    /entry 1 is not the one that its tree holds at that place[\s\S]*The evidence is in|The evidence is in/,
  );
});

test("where nothing is stored nothing is made", async () => {
  const empty = path.join(installation.home, "empty");
  for (const command of ["tail", "fsck"]) {
    const { exitCode, stderr } = await assay(command, `--data=${empty}`);
    assert.equal(exitCode, 2);
    assert.match(stderr, /Nothing is stored in/);
  }
  assert.ok(!existsSync(empty));
});
