import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isAssayError } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import type { Spool } from "../../platform/blobs/spool.ts";
import { createByteBudget } from "./byte-budget.ts";
import { readBody, type BodyLimits, type PublishBody } from "./read-body.ts";

const mebibyte = 1024 * 1024;
/** Nothing here outgrows memory. */
const spool: Spool = { create: () => Promise.reject(new Error("no file is needed")) } as unknown as Spool;
const clock = createFakeClock();
const budget = createByteBudget({ clock, maxBytes: 16 * mebibyte, maxBytesOfOne: 12 * mebibyte });
const limits: BodyLimits = { tarballBytes: mebibyte, documentBytes: 32 * mebibyte, budget };

/** A document of so many bytes, in pieces; between them everybody else has a turn. */
async function* document(sizeBytes: number, pieceBytes = 65536): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{"readme":"');
  const piece = Buffer.alloc(pieceBytes, "x");
  for (let sent = 0; sent < sizeBytes; sent += pieceBytes) {
    await new Promise((resolve) => setImmediate(resolve));
    yield piece;
  }
  yield Buffer.from('"}');
}

let senders = 0;
/** Everybody is another one, unless said. */
const read = (source: AsyncIterable<Uint8Array>, sender = `person:${(senders += 1)}`): Promise<PublishBody> =>
  readBody({ spool, clock }, source, limits, sender);

function isRefused(error: unknown): boolean {
  return isAssayError(error, "NOT_READY") && error.details.retryAfterSeconds > 0;
}

test("a document is held until its publish is over; who comes meanwhile and finds no room is told to come again", async () => {
  {
    await using first = await read(document(10 * mebibyte));
    assert.equal(String(first.document["readme"]).length, 10 * mebibyte);
    await assert.rejects(read(document(10 * mebibyte)), isRefused);
    await using small = await read(document(mebibyte));
    assert.ok(small.document["readme"]);
  }
  assert.equal(budget.takenBytes, 0);
  await using again = await read(document(10 * mebibyte));
  assert.ok(again.document["readme"]);
});

test("one sender leaves room for the others", async () => {
  await using _first = await read(document(8 * mebibyte), "person:eve");
  await assert.rejects(read(document(5 * mebibyte), "person:eve"), isRefused);
  await using other = await read(document(5 * mebibyte), "person:ada");
  assert.ok(other.document["readme"]);
});

test("what is refused, broken off or malformed gives its room back", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* document(mebibyte);
    throw new Error("gone");
  }
  await assert.rejects(read(broken()), /gone/);
  async function* malformed(): AsyncGenerator<Uint8Array> {
    yield* document(mebibyte);
    yield Buffer.from("}");
  }
  await assert.rejects(read(malformed()), (error) => isAssayError(error, "BAD_REQUEST"));
  async function* tarball(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"_attachments":{"a.tgz":{"data":"');
    yield Buffer.alloc(mebibyte, "A");
    assert.ok(budget.takenBytes >= 700_000, "what is in memory of a tarball counts too");
    yield Buffer.from('!"}}}');
  }
  await assert.rejects(read(tarball()), (error) => isAssayError(error, "BAD_REQUEST"));
  assert.equal(budget.takenBytes, 0);
});

test("many that are sent at once, in whatever pieces, hold no more than there is room for", async () => {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 5);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, async (_, at) => {
      await using body = await read(document(6 * mebibyte, at % 2 === 0 ? 65536 : 4096));
      return body.document["readme"];
    }),
  );
  clearInterval(watch);
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  assert.ok(refused.length >= 30 && refused.every(isRefused), `${refused.length} were refused`);
  assert.equal(budget.takenBytes, 0);
  // 240 MiB were sent; a document is there twice while it is parsed.
  assert.ok(most - before < 64 * mebibyte, `${Math.round((most - before) / mebibyte)} MiB were held`);
});

/** Sends so much at once, then what `more` says a second until it is told to end; so it waits for the clock. */
async function* slowly(sizeBytes: number, bytesPerSecond: number): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{"readme":"');
  yield Buffer.alloc(sizeBytes, "x");
  for (;;) {
    await clock.sleep(1000);
    if (bytesPerSecond > 0) yield Buffer.alloc(bytesPerSecond, "x");
  }
}
const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("who stops sending is refused after ten seconds, and what was held is free", async () => {
  const stalled = read(slowly(2 * mebibyte, 0));
  const refused = assert.rejects(stalled, (error) => isAssayError(error, "REQUEST_TIMEOUT"));
  await turns();
  assert.ok(budget.takenBytes > mebibyte);
  for (let second = 0; second < 10; second += 1) await clock.advance(1000);
  await refused;
  assert.equal(budget.takenBytes, 0);
  // Whoever is slow and goes on is none of these.
  const slow = read(slowly(mebibyte, 1000));
  const ended = assert.rejects(slow, isRefused);
  await turns();
  for (let second = 0; second < 30; second += 1) await clock.advance(1000);
  assert.ok(budget.takenBytes >= mebibyte);
  await using _large = await read(document(11 * mebibyte));
  await using _more = await read(document(4 * mebibyte));
  await ended;
});

test("a few who send slowly keep nobody from publishing; who sends fast is not put off for others", async () => {
  const slow = [1, 2].map((at) => read(slowly(7 * mebibyte, 1000 * at)));
  const put = slow.map((one) =>
    one.then(
      () => "here",
      (error: unknown) => (isRefused(error) ? "put off" : "failed"),
    ),
  );
  await turns();
  // Too young to be called slow.
  await assert.rejects(read(document(4 * mebibyte)), isRefused);
  for (let second = 0; second < 11; second += 1) await clock.advance(1000);
  {
    await using body = await read(document(4 * mebibyte));
    assert.ok(body.document["readme"]);
    assert.equal(await put[0], "put off", "the slowest one");
    assert.ok(budget.takenBytes > 11 * mebibyte, "the other one holds on");
    const fast = read(slowly(mebibyte, 200_000), "person:fast");
    void fast.catch(() => undefined);
    await turns();
    for (let second = 0; second < 11; second += 1) await clock.advance(1000);
    await using _more = await read(document(8 * mebibyte));
    assert.equal(await put[1], "put off");
    await assert.rejects(read(document(8 * mebibyte)), isRefused, "nobody is slow now");
  }
});

test("who sends slowly is not put off where that makes too little room", async () => {
  await using _large = await read(document(10 * mebibyte));
  const slow = read(slowly(2 * mebibyte, 1000));
  const put = slow.then(
    () => "here",
    () => "put off",
  );
  await turns();
  for (let second = 0; second < 11; second += 1) await clock.advance(1000);
  const before = budget.takenBytes;
  // In one piece: what is there, with what slow bodies hold, is not enough.
  await assert.rejects(read(document(8 * mebibyte, 8 * mebibyte)), isRefused);
  assert.equal(budget.takenBytes, before);
  assert.equal(await Promise.race([put, turns().then(() => "goes on")]), "goes on");
});

test("bytes that come one by one cost no more than others", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  async function* drops(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"readme":"');
    for (let at = 0; at < 60_000; at += 1) yield Uint8Array.of(0x78);
    assert.ok(held() - before < 3 * mebibyte, `${held() - before} bytes are held`);
    yield Buffer.from('"}');
  }
  const before = held();
  await using body = await read(drops());
  assert.equal(String(body.document["readme"]).length, 60_000);
});
