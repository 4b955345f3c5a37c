import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { createWriter, startMonitor } from "./test-monitor.ts";

const never = new AbortController().signal;

interface Hook {
  readonly url: string;
  /** Ids of the findings, in the order in which they came. */
  readonly ids: number[];
  readonly bodies: Record<string, unknown>[];
  /** What is answered; 0 breaks the connection off. */
  status: number;
  headers: Readonly<Record<string, string>>;
}

async function startHook(t: TestContext): Promise<Hook> {
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      hook.bodies.push(body);
      hook.ids.push(Number(body["id"]));
      if (hook.status === 0) request.socket.destroy();
      else response.writeHead(hook.status, hook.headers).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/s3cret?token=s3cret`;
  const hook: Hook = { url, ids: [], bodies: [], status: 204, headers: {} };
  return hook;
}

async function world(t: TestContext) {
  const log = await createTinyLog({});
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  const writer = createWriter(log);
  for (const name of ["a", "b"]) {
    writer.bind(name, "1.0.0");
    writer.bind(name, "1.0.0");
  }
  const followed = [{ vkey: log.vkey, url: `${server.url}/-/log/npm-2026a` }];
  return { log, followed, folder: tempFolder(t), hooks: [await startHook(t), await startHook(t)] as const };
}

test("each finding is posted to every webhook once, with evidence, over restarts", async (t) => {
  const { log, followed, folder, hooks } = await world(t);
  const webhooks = hooks.map(({ url }) => url);
  {
    await using monitor = await startMonitor(folder, followed, { webhooks });
    await monitor.look();
    assert.equal(await monitor.app.monitor.post(never), 0);
  }
  await using monitor = await startMonitor(folder, followed, { webhooks });
  await monitor.look();
  assert.equal(await monitor.app.monitor.post(never), 0);
  const findings = await monitor.findings();
  assert.equal(findings.length, 2);
  for (const { ids, bodies } of hooks) {
    assert.deepEqual(
      ids,
      findings.map(({ id }) => id),
    );
    const [first] = findings;
    assert.deepEqual(bodies[0], {
      format: "assay-finding/v1",
      id: first?.id,
      rule: "bound-twice",
      severity: "violation",
      origin: log.origin,
      index: 1,
      sentence: first?.sentence,
      foundAt: new Date(first?.foundAtMs ?? 0).toISOString(),
      evidence: JSON.parse(first?.evidence ?? ""),
    });
  }
});

test("a webhook that does not take a finding gets it again, in order, and its address is told to nobody", async (t) => {
  const { followed, folder, hooks } = await world(t);
  const [good, bad] = hooks;
  await using monitor = await startMonitor(folder, followed, { webhooks: [good.url, bad.url] });
  await monitor.look();
  const [one, two] = (await monitor.findings()).map(({ id }) => id);
  // A webhook that sends the finding elsewhere has not taken it.
  for (const status of [500, 404, 302, 0]) {
    bad.status = status;
    bad.headers = status === 302 ? { location: good.url } : {};
    assert.equal(await monitor.app.monitor.post(never), 2);
  }
  assert.deepEqual(bad.ids, [one, one, one, one]);
  assert.deepEqual(good.ids, [one, one, one, one]);
  bad.status = 200;
  assert.equal(await monitor.app.monitor.post(never), 0);
  assert.deepEqual(bad.ids.slice(4), [one, two]);
  const said = monitor.lines.join("\n");
  assert.match(said, /127\.0\.0\.1:\d+","problem":"status 302","msg":"a webhook did not take a finding/);
  assert.doesNotMatch(said, /s3cret/);
});

test("webhooks are told beside the rounds, until the monitor is stopped", async (t) => {
  const { followed, folder, hooks } = await world(t);
  const [hook] = hooks;
  await using monitor = await startMonitor(folder, followed, { webhooks: [hook.url] });
  const stop = new AbortController();
  const running = monitor.app.monitor.run(stop.signal, 1000);
  while (hook.ids.length < 2) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await running;
  assert.equal(hook.ids.length, 2);
});
