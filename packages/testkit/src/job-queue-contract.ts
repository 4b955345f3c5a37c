import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Database } from "@assay/server/platform/database/database";
import type { JobHandler, JobHandlers, JobQueue } from "@assay/server/platform/jobs/jobs";
import { createJobQueue, jobMigrations } from "@assay/server/platform/jobs/queue";
import { onEveryDatabase } from "./databases.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createSeededRandom } from "./seeded-random.ts";

type JobRows = { jobs: { kind: string; state: string; attempts: number; due_at_ms: number; error: string | null } };

interface Fixture {
  readonly database: Database;
  readonly clock: FakeClock;
  readonly queue: JobQueue;
  readonly lines: string[];
  /** Another process on the same database. */
  twin(seed: number): JobQueue;
  /** Runs until the test ends, or until it is stopped. */
  start(handlers: JobHandlers, queue?: JobQueue): { stop(): Promise<void> };
  rows(): Promise<readonly JobRows["jobs"][]>;
}

const handler = (run: JobHandler["run"], options: Partial<JobHandler> = {}): JobHandler => ({
  maxAttempts: 3,
  leaseSeconds: 60,
  run,
  ...options,
});

/** What every `JobQueue` does, on every database that the product supports. */
export function jobQueueContract(): void {
  onEveryDatabase("a job queue", (databases) => {
    const prepare = async (t: TestContext): Promise<Fixture> => fixture(t, await databases.fresh(jobMigrations));
    running(prepare);
    failing(prepare);
    sharing(prepare);
  });
}

function fixture(t: TestContext, database: Database): Fixture {
  const clock = createFakeClock();
  const lines: string[] = [];
  const line = (message: string) => void lines.push(message);
  const telemetry = { log: { debug: line, info: line, warn: line, error: line } };
  const twin = (seed: number) => createJobQueue({ database, clock, random: createSeededRandom(seed), telemetry });
  const queue = twin(1);
  return {
    database,
    clock,
    queue,
    lines,
    twin,
    start(handlers, runner = queue) {
      const controller = new AbortController();
      const ended = runner.run(handlers, controller.signal);
      const stop = () => {
        controller.abort(new Error("shutting down"));
        return ended;
      };
      t.after(stop);
      return { stop };
    },
    rows: () =>
      database.read
        .withTables<JobRows>()
        .selectFrom("jobs")
        .select(["kind", "state", "attempts", "due_at_ms", "error"])
        .orderBy("due_at_ms")
        .execute(),
  };
}

type Prepare = (t: TestContext) => Promise<Fixture>;

/** Waits until the asynchronous condition holds; the test's own time limit ends it otherwise. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

function running(prepare: Prepare): void {
  test("a job runs with its payload and is gone, without waiting for a poll", async (t) => {
    const { database, queue, start, rows } = await prepare(t);
    const payloads: unknown[] = [];
    start({ greet: handler(async (payload) => void payloads.push(payload)) });
    await database.write((transaction) =>
      queue.enqueue(transaction, { kind: "greet", payload: { name: "é", list: [1, null] } }),
    );
    await until(() => payloads.length === 1);
    assert.deepEqual(payloads, [{ name: "é", list: [1, null] }]);
    await until(async () => (await rows()).length === 0);
  });

  test("a job of a transaction that is undone never runs", async (t) => {
    const { database, queue, rows } = await prepare(t);
    const undone = database.write(async (transaction) => {
      await queue.enqueue(transaction, { kind: "greet", payload: 1 });
      throw new Error("undone");
    });
    await assert.rejects(undone, /undone/);
    assert.deepEqual(await rows(), []);
  });

  test("jobs run in the order in which they are due, delayed ones not before their time", async (t) => {
    const { database, clock, queue, start, rows } = await prepare(t);
    const ran: unknown[] = [];
    await database.write(async (transaction) => {
      await queue.enqueue(transaction, { kind: "one", payload: "later", runAtMs: clock.now() + 5000 });
      await queue.enqueue(transaction, { kind: "one", payload: "first", runAtMs: clock.now() - 2 });
      await queue.enqueue(transaction, { kind: "one", payload: "second", runAtMs: clock.now() - 1 });
    });
    start({ one: handler(async (payload) => void ran.push(payload)) });
    for (let second = 0; second < 5; second += 1) {
      // All is written down, and only the runner sleeps, until its next look.
      await until(async () => clock.sleepers === 1 && (await rows()).length === 1);
      assert.deepEqual(ran, ["first", "second"]);
      await clock.advance(1000);
    }
    await until(() => ran.length === 3);
    assert.equal(ran[2], "later");
  });

  test("while a job waits, a second one with its dedup key is not added; while it runs, it is", async (t) => {
    const { database, queue, start, rows } = await prepare(t);
    const enqueue = () =>
      database.write((transaction) => queue.enqueue(transaction, { kind: "one", payload: null, dedupKey: "k" }));
    await Promise.all([enqueue(), enqueue(), enqueue()]);
    await database.write(async (transaction) => {
      await queue.enqueue(transaction, { kind: "other", payload: null, dedupKey: "k" });
      await queue.enqueue(transaction, { kind: "other", payload: null });
      await queue.enqueue(transaction, { kind: "other", payload: null });
    });
    assert.deepEqual((await rows()).map((row) => row.kind).sort(), ["one", "other", "other", "other"]);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let runs = 0;
    start({
      one: handler(async () => {
        runs += 1;
        await released;
      }),
    });
    await until(() => runs === 1);
    await enqueue();
    await until(() => runs === 2);
    release();
    await until(async () => (await rows()).every((row) => row.kind === "other"));
  });

  test("kinds without a handler here are left alone", async (t) => {
    const { database, queue, start, rows } = await prepare(t);
    let runs = 0;
    start({ known: handler(async () => void (runs += 1)) });
    await database.write(async (transaction) => {
      await queue.enqueue(transaction, { kind: "unknown", payload: 1 });
      await queue.enqueue(transaction, { kind: "known", payload: 1 });
    });
    await until(async () => runs === 1 && (await rows()).length === 1);
    assert.deepEqual(
      (await rows()).map((row) => [row.kind, row.state]),
      [["unknown", "waiting"]],
    );
  });

  test("a payload that is not JSON is refused", async (t) => {
    const { database, queue } = await prepare(t);
    await assert.rejects(
      database.write((transaction) => queue.enqueue(transaction, { kind: "x", payload: undefined })),
      /not JSON/,
    );
  });

  test("no handlers, no work: run ends with its signal", async (t) => {
    const { start } = await prepare(t);
    await start({}).stop();
  });
}

function failing(prepare: Prepare): void {
  test("a failed job is tried again after 2^attempt seconds, and kept with its error at the end", async (t) => {
    const { database, clock, queue, start, rows, lines } = await prepare(t);
    const ranAtMs: number[] = [];
    start({
      broken: handler(async () => {
        ranAtMs.push(clock.monotonicMs());
        throw new Error("no luck");
      }),
    });
    await database.write((transaction) => queue.enqueue(transaction, { kind: "broken", payload: 1 }));
    await until(async () => {
      if ((await rows())[0]?.state === "waiting") await clock.advance(250);
      return (await rows())[0]?.state === "failed";
    });
    const [row] = await rows();
    assert.equal(row?.attempts, 3);
    assert.match(row?.error ?? "", /no luck/);
    const [first = 0, second = 0, third = 0] = ranAtMs;
    assert.equal(ranAtMs.length, 3);
    assert.ok(second - first >= 2000 && third - second >= 4000);
    assert.ok(lines.some((line) => /given up/.test(line)));
  });

  test("a job whose worker vanished is claimed again when its lease ends, until its attempts are used", async (t) => {
    const { database, clock, queue, start, rows, twin } = await prepare(t);
    await database.write((transaction) => queue.enqueue(transaction, { kind: "heavy", payload: 1 }));
    // This worker never ends, as if its process were gone: what it writes down later comes too late.
    let runs = 0;
    const vanish = () => new Promise<void>(() => {});
    const vanished = handler(
      () => {
        runs += 1;
        return vanish();
      },
      { maxAttempts: 2, leaseSeconds: 10 },
    );
    void queue.run({ heavy: vanished }, new AbortController().signal);
    await until(() => runs === 1);
    await until(async () => {
      await clock.advance(1000);
      return runs === 2;
    });
    assert.ok(clock.monotonicMs() >= 10_000);
    start({ heavy: handler(async () => {}, { maxAttempts: 2 }) }, twin(2));
    await until(async () => {
      await clock.advance(1000);
      return (await rows())[0]?.state === "failed";
    });
    assert.match((await rows())[0]?.error ?? "", /vanished/);
  });

  test("the signal of a handler ends with its lease", async (t) => {
    const { database, clock, queue, start } = await prepare(t);
    const { promise: given, resolve: give } = Promise.withResolvers<AbortSignal>();
    start({
      slow: handler(
        (_, signal) => {
          give(signal);
          return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        },
        { leaseSeconds: 5 },
      ),
    });
    await database.write((transaction) => queue.enqueue(transaction, { kind: "slow", payload: 1 }));
    const signal = await given;
    await clock.advance(4999);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.match(String(signal.reason), /lease ended/);
  });

  test("on shutdown a handler that stops gives its attempt back, and run waits for it", async (t) => {
    const { database, queue, start, rows } = await prepare(t);
    let running = false;
    const started = start({
      slow: handler(async (_, signal) => {
        running = true;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
    });
    await database.write((transaction) => queue.enqueue(transaction, { kind: "slow", payload: 1 }));
    await until(() => running);
    await started.stop();
    const [row] = await rows();
    assert.deepEqual([row?.state, row?.attempts], ["waiting", 0]);
  });

  test("a failed job gives way to a twin that waits by now", async (t) => {
    const { database, queue, start, rows } = await prepare(t);
    const enqueue = (payload: string) =>
      database.write((transaction) =>
        queue.enqueue(transaction, { kind: "one", payload, dedupKey: "k", runAtMs: payload === "twin" ? 4e12 : 0 }),
      );
    let fail: (error: Error) => void = () => {};
    start({ one: handler(() => new Promise((_resolve, reject) => (fail = reject))) });
    await enqueue("mine");
    await until(async () => (await rows())[0]?.state === "running");
    await enqueue("twin");
    fail(new Error("now"));
    await until(async () => (await rows()).length === 1);
    assert.deepEqual(
      (await rows()).map((row) => [row.state, row.attempts]),
      [["waiting", 0]],
    );
  });
}

function sharing(prepare: Prepare): void {
  test("several processes share the work and run each job once", { timeout: 30_000 }, async (t) => {
    const { database, queue, start, rows, twin } = await prepare(t);
    const ran: unknown[] = [];
    const handlers = { one: handler(async (payload) => void ran.push(payload)) };
    await database.write(async (transaction) => {
      for (let number = 0; number < 60; number += 1) await queue.enqueue(transaction, { kind: "one", payload: number });
    });
    for (const runner of [queue, twin(2), twin(3)]) start(handlers, runner);
    await until(async () => (await rows()).length === 0);
    assert.deepEqual(
      ran.map(Number).sort((a, b) => a - b),
      Array.from({ length: 60 }, (_, number) => number),
    );
  });

  test("an idle queue looks once a second, and writes nothing", async (t) => {
    const { clock, start, database, twin } = await prepare(t);
    let ran = false;
    start({ one: handler(async () => void (ran = true)) });
    await clock.untilSleepers(1);
    await database.write((transaction) => twin(2).enqueue(transaction, { kind: "one", payload: 1 }));
    await clock.advance(999);
    assert.equal(ran, false);
    await clock.advance(1);
    await until(() => ran);
  });
}
