import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { parseAddCheckpoint } from "@assay/core";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { createSystemClock } from "../../platform/system-clock.ts";
import { askBody, grow } from "../../witnessing/test-witness.ts";
import { askWitness, type AskOutcome } from "./ask.ts";
import { askedWitness } from "./test-witnesses.ts";

type Answer = (body: string, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** Asks a witness that answers like this, from `oldSize`, about a log of 10. */
async function ask(
  t: TestContext,
  answer: Answer,
  oldSize = 4,
  timeoutMs = 20_000,
): Promise<AskOutcome & { asked: number[] }> {
  const asked: number[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += String(part);
      asked.push(request.method === "POST" && body !== "" ? parseAddCheckpoint(body).oldSize : -1);
      await answer(body, response, request);
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const { port } = server.address() as { port: number };
  const log = grow(await createTinyLog({}), 10);
  const witness = await createTinyWitness("w.example.com", "05".repeat(32));
  const asking = await askedWitness({ name: "w", vkey: witness.vkey, url: `http://127.0.0.1:${port}` });
  t.after(() => asking.client[Symbol.asyncDispose]());
  const outcome = await askWitness(
    { clock: createSystemClock(), prove: (old, size) => log.consistency(old, size) },
    asking,
    { size: 10, note: await log.checkpoint(10) },
    oldSize,
    AbortSignal.timeout(timeoutMs),
  );
  return { ...outcome, asked };
}

const now = Math.floor(createSystemClock().now() / 1000);
const conflict = (response: ServerResponse, size: string, type = "text/x.tlog.size") =>
  void response.writeHead(409, { "content-type": type }).end(size);

/** The cosignature line of a good answer. */
async function goodLine(body: string, seconds = now, seed = "05"): Promise<string> {
  const witness = await createTinyWitness("w.example.com", seed.repeat(32));
  const cosigned = await witness.cosign(parseAddCheckpoint(body).checkpoint, seconds);
  return `${cosigned.split("\n").at(-2)}\n`;
}

test("a good answer gives its line; lines by others are dropped", async (t) => {
  const outcome = await ask(t, async (body, response) => {
    response.end((await goodLine(body, now, "06")) + (await goodLine(body)));
  });
  assert.equal(outcome.outcome, "cosigned");
  assert.equal(outcome.outcome === "cosigned" ? outcome.lines.length : 0, 1);
  assert.deepEqual(outcome.asked, [4]);
});

test("told another size, the log proves from there, a few times", async (t) => {
  const outcome = await ask(t, async (body, response) => {
    const { oldSize } = parseAddCheckpoint(body);
    if (oldSize === 7) response.end(await goodLine(body));
    else conflict(response, oldSize === 4 ? "2\n" : "7\n");
  });
  assert.equal(outcome.outcome, "cosigned");
  assert.deepEqual(outcome.asked, [4, 2, 7]);
  let size = 0;
  const endless = await ask(t, (_body, response) => conflict(response, `${(size = (size + 1) % 9)}\n`));
  assert.equal(endless.outcome, "refused");
  assert.ok(endless.asked.length <= 5);
});

test("a larger size, the same size once more, and 422 contradict the log", async (t) => {
  for (const answer of ["11\n", "4\n"])
    assert.equal((await ask(t, (_body, response) => conflict(response, answer))).outcome, "contradicts", answer);
  for (const status of [422, 409])
    assert.equal(
      (await ask(t, (_body, response) => void response.writeHead(status).end("no\n"))).outcome,
      "contradicts",
    );
});

test("busy witnesses say when they may be asked again", async (t) => {
  for (const status of [429, 503]) {
    const outcome = await ask(t, (_body, response) => void response.writeHead(status, { "retry-after": "30" }).end());
    assert.deepEqual([outcome.outcome, "retryAfterMs" in outcome && outcome.retryAfterMs], ["busy", 30_000]);
    assert.equal(outcome.asked.length, 1);
  }
});

const refusals: Readonly<Record<string, Answer>> = {
  "403": (_body, response) => void response.writeHead(403).end(),
  "404": (_body, response) => void response.writeHead(404).end("no such log\n"),
  "500": (_body, response) => void response.writeHead(500).end(),
  "a redirect": (_body, response) => void response.writeHead(302, { location: "/elsewhere" }).end(),
  nothing: (_body, response) => void response.end(),
  HTML: (_body, response) => void response.end("<html></html>"),
  "bytes that are no text": (_body, response) => void response.end(Buffer.of(0xff, 0xfe, 0x0a)),
  "a stranger's line": async (body, response) => void response.end(await goodLine(body, now, "06")),
  "a damaged line": async (body, response) =>
    void response.end((await goodLine(body)).replace(/.{8}\n$/, "AAAAAAA=\n")),
  "a time in the future": async (body, response) => void response.end(await goodLine(body, now + 3600)),
  "another text in front": async (body, response) => void response.end(`more\n\n${await goodLine(body)}`),
  "a cosignature of another checkpoint": async (_body, response) => {
    const other = await askBody(grow(await createTinyLog({}), 9), 0, 9);
    response.end(await goodLine(other));
  },
  "a size that is none": (_body, response) => conflict(response, "ten\n"),
  "a size with more behind it": (_body, response) => conflict(response, "2\n3\n"),
};

for (const [what, answer] of Object.entries(refusals))
  test(`nothing is taken from a witness that answers ${what}`, async (t) => {
    const outcome = await ask(t, answer);
    assert.ok(["refused", "unreachable"].includes(outcome.outcome), JSON.stringify(outcome));
  });

test("an answer without end and one that never comes are given up", async (t) => {
  const endless = await ask(t, (_body, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write("x".repeat(10_000), () => setImmediate(more));
    };
    more();
  });
  assert.equal(endless.outcome, "unreachable");
  const silent = await ask(t, () => {}, 4, 100);
  assert.deepEqual(silent, { outcome: "unreachable", reason: "it did not answer in time", asked: [4] });
  const cut = await ask(t, (_body, response) => void response.destroy());
  assert.equal(cut.outcome, "unreachable");
});

test("a stored guess above the checkpoint is not asked for", async (t) => {
  const outcome = await ask(t, async (body, response) => void response.end(await goodLine(body)), 99);
  assert.deepEqual([outcome.outcome, outcome.asked], ["cosigned", [10]]);
});
