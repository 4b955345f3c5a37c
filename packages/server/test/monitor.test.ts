/** `assay monitor` beside a registry: over rotations in both directions, kill -9, and a registry that lies. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { changedDocument } from "@assay/testkit/lies";
import {
  createInstallation,
  freePort,
  runAssay,
  startAssay,
  startServer,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let published = 0;

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** Publishes releases upstream, and has them bound. */
async function bind(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const name = `tool-${(published += 1)}`;
    upstream.publish({ name, version: "1.0.0" });
    assert.equal((await fetch(`${server.url}/-/log/lookup/${name}@1.0.0`)).status, 200);
  }
}

async function logs(): Promise<{ vkey: string; origin: string; shard: string }[]> {
  const { logs: listed } = (await (await fetch(`${server.url}/-/log/`)).json()) as {
    logs: { vkey: string; origin: string; shard: string }[];
  };
  return listed;
}

interface Outcome {
  readonly ok: boolean;
  readonly logs: { origin: string; outcome: { outcome: string; entries: number; size: number } }[];
  readonly samples: Record<string, number>;
  readonly findings: { rule: string; severity: string; origin: string; sentence: string }[];
}

/** `assay monitor --once --json` on a state folder of this name. */
async function once(state: string, ...args: string[]): Promise<Outcome & { readonly exitCode: number | null }> {
  const folder = path.join(installation.home, state);
  const ran = await runAssay(installation, ["monitor", "--once", "--json", `--state=${folder}`, ...args]);
  assert.ok(ran.stdout.startsWith("{"), ran.stderr);
  return { exitCode: ran.exitCode, ...(JSON.parse(ran.stdout) as Outcome) };
}

test("the log of a registry is followed over rotations, forwards and backwards, and its releases are what it says", async () => {
  await bind(6);
  const [first] = await logs();
  assert.ok(first);
  const followed = `--log=${first.vkey}=${server.url}/-/log/${first.shard}`;
  const one = await once("forwards", followed, `--registry=${server.url}`, "--samples=4");
  assert.deepEqual([one.exitCode, one.ok, one.findings, one.samples], [0, true, [], { honest: 4 }]);
  const { size } = one.logs[0]?.outcome ?? { size: 0 };
  assert.ok(size >= 6);

  const rotate = () =>
    runAssay(installation, ["log", "rotate", `--data=${installation.data}`], installation.home, {
      ASSAY_UPSTREAM: upstream.url,
    });
  assert.equal((await rotate()).exitCode, 0);
  await bind(3);
  assert.equal((await rotate()).exitCode, 0);
  await bind(3);

  const over = await once("forwards", followed, `--registry=${server.url}`, "--samples=4");
  assert.deepEqual([over.exitCode, over.findings, over.samples], [0, [], { honest: 4 }]);
  // Two times three binds, and the records that link three shards.
  const { entries = 0, size: whole = 0 } = over.logs[0]?.outcome ?? {};
  assert.ok(entries >= 6 + 4);
  assert.equal(whole, size + entries);
  assert.equal((await once("forwards", followed)).logs[0]?.outcome.entries, 0);

  const [newest] = await logs();
  assert.ok(newest && newest.vkey !== first.vkey);
  const back = await once("backwards", `--log=${newest.vkey}=${server.url}/-/log/${newest.shard}`);
  assert.deepEqual([back.exitCode, back.findings], [0, []]);
  assert.equal(back.logs[0]?.outcome.entries, whole);
});

test("a mirror that serves other manifests than the log binds is found out", async () => {
  const [newest] = await logs();
  assert.ok(newest);
  const mirror = await createTestUpstream();
  try {
    for (let i = 1; i <= published; i += 1) mirror.publish({ name: `tool-${i}`, version: "1.0.0" });
    mirror.lie(
      "*",
      changedDocument((document) => {
        const versions = document["versions"] as Record<string, object>;
        for (const manifest of Object.values(versions)) Object.assign(manifest, { scripts: { install: "node x" } });
      }),
    );
    mirror.lie("*.tgz", ({ honest }) => honest());
    const args = [`--log=${newest.vkey}=${server.url}/-/log/${newest.shard}`, `--registry=${mirror.url}`];
    const found = await once("mirror", ...args, "--samples=3");
    assert.deepEqual([found.exitCode, found.ok, found.samples], [1, false, { lie: 3 }]);
    for (const { rule, origin } of found.findings)
      assert.deepEqual([rule, origin], ["differs", new URL(mirror.url).host]);
    assert.match(found.findings[0]?.sentence ?? "", /binds tool-\d+@1\.0\.0 to manifest sha256-/);
  } finally {
    await mirror[Symbol.asyncDispose]();
  }
});

test("a monitor that is killed goes on where it was, and says on its port what it knows", async () => {
  const [newest] = await logs();
  assert.ok(newest);
  const state = `--state=${path.join(installation.home, "killed")}`;
  const followed = `--log=${newest.vkey}=${server.url}/-/log/${newest.shard}`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const start = () => startAssay(installation, ["monitor", state, followed, "--interval=1s", `--metrics-port=${port}`]);
  const metric = async (): Promise<number> => {
    const text = await (await fetch(`${url}/-/metrics`)).text();
    const line = text
      .split("\n")
      .find((each) => each.startsWith(`assay_monitor_checked_entries{origin="${newest.origin}"}`));
    return Number(line?.split(" ").at(-1) ?? 0);
  };
  const until = async (count: number): Promise<void> => {
    for (;;) {
      if ((await metric().catch(() => 0)) >= count) return;
      await delay(20);
    }
  };
  for (let round = 0; round < 3; round += 1) {
    const running = start();
    await until(1);
    const before = await metric();
    await bind(2);
    await until(before + 2);
    assert.deepEqual(await (await fetch(`${url}/findings`)).json(), { findings: [] });
    running.child.kill("SIGKILL");
    await running.result;
  }
  const running = start();
  await until(1);
  assert.match(
    (await runAssay(installation, ["monitor", state, followed, "--once"])).stderr,
    /already in use|another/i,
  );
  running.child.kill("SIGTERM");
  assert.equal((await running.result).exitCode, 0);
});
