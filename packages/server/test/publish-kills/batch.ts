/** A registry whose process is killed so many times under publishes: what was answered stays, and nothing else is there. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createKilledRegistry, type KilledRegistry } from "./killed-registry.ts";
import { assertNothingElse } from "./leftovers.ts";
import { drawMoment } from "./moment.ts";
import { planRound, type Attempt } from "./plan.ts";
import { countSteps, noSteps, type StepCounts } from "./steps.ts";
import { createLooker, type Place } from "./whole.ts";

export interface BatchOptions {
  /** Of an empty database; undefined: SQLite. */
  readonly databaseUrl: string | undefined;
  readonly kills: number;
  readonly seed: number;
  /** A third of the kills come at a random moment of this long after the publishes began (`moment.ts`). */
  readonly withinMs: number;
  readonly say: (line: string) => void;
}

export interface BatchResult {
  readonly kills: number;
  readonly killedWhileStarting: number;
  /** Requests to publish. */
  readonly attempts: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  /** Of those that nobody heard an answer to. */
  readonly presentUnanswered: number;
  /** How far the unanswered had come when the process died. */
  readonly steps: StepCounts;
}

/** Every how many kills one falls into a start instead. */
const startingEvery = 8;
/** Publishes of a round begin within this long. */
const staggerMs = 150;
/** Every how many kills the lead of the logs is left to fall by itself. */
const leadFallsEvery = 16;
const sequencing = "this process sequences the logs";
/** Versions of earlier rounds that are looked at again after each kill. */
const sampleSize = 4;

/** Throws AssertionError with what is wrong; the registry's folder then stays. */
export async function killBatch(options: BatchOptions): Promise<BatchResult> {
  const registry = await createKilledRegistry(options.databaseUrl);
  try {
    const result = await killRounds(registry, options);
    await registry[Symbol.asyncDispose]();
    return result;
  } catch (error) {
    options.say(`What is wrong is in ${registry.installation.data}; seed ${options.seed}`);
    throw error;
  }
}

async function killRounds(
  registry: KilledRegistry,
  { kills, seed, withinMs, say }: BatchOptions,
): Promise<BatchResult> {
  const random = createSeededRandom(seed);
  const steps = noSteps();
  const count = { attempts: 0, acknowledged: 0, unanswered: 0, presentUnanswered: 0, killedWhileStarting: 0 };
  /** Whole, with its place in the log: so it stays. */
  const present = new Map<Attempt, Place>();
  /** Not there when it was looked at, and not sent again: so it stays. */
  const absent: Attempt[] = [];
  let open: readonly Attempt[] = [];
  let fresh: readonly Attempt[] = [];

  /** After a start: what was answered is there, the rest is whole or not there. Answers what is sent again. */
  async function settle(): Promise<readonly Attempt[]> {
    const looker = createLooker(registry);
    const sample = [...present.keys()].filter(() => random.fraction() < sampleSize / present.size);
    await each([...fresh, ...sample], async (attempt) => {
      const place = await looker.look(attempt);
      assert.ok(place !== undefined, `${attempt.name}@${attempt.version} was answered 201 and is not there`);
      assert.deepEqual(place, present.get(attempt) ?? place, "a record moved");
      present.set(attempt, place);
    });
    const again: Attempt[] = [];
    await each(open, async (attempt) => {
      const place = await looker.look(attempt);
      if (place !== undefined) {
        count.presentUnanswered += 1;
        present.set(attempt, place);
      }
      if (random.fraction() < 0.5) again.push(attempt);
      else if (place === undefined) absent.push(attempt);
    });
    await each(
      absent.filter(() => random.fraction() < sampleSize / absent.length),
      async (attempt) => assert.equal(await looker.look(attempt), undefined),
    );
    return again;
  }

  let outputOf = (): string => "";
  /** Publishes all of them at once; the process may die meanwhile. Calls back after each answer. */
  async function publish(attempts: readonly Attempt[], onAnswer: () => void = () => {}): Promise<void> {
    const answered: Attempt[] = [];
    const unanswered: Attempt[] = [];
    const waits = attempts.map(() => random.fraction() * staggerMs);
    await Promise.all(
      attempts.map(async (attempt, at) => {
        await delay(waits[at] ?? 0);
        const answer = await registry.publish(attempt.body, attempt.name).catch(() => undefined);
        // Committed, and not signed in time: clients send it again.
        if (answer === undefined || answer.status === 503) unanswered.push(attempt);
        else {
          const told = `${attempt.name}@${attempt.version}: ${answer.text()}`;
          assert.equal(answer.status, 201, `${told}\n${outputOf().slice(-8000)}`);
          answered.push(attempt);
          onAnswer();
        }
      }),
    );
    count.attempts += attempts.length;
    count.acknowledged += answered.length;
    count.unanswered += unanswered.length;
    fresh = answered;
    open = unanswered;
  }

  let kill = 0;
  for (let round = 0; kill < kills; round += 1) {
    if (kill % startingEvery === startingEvery - 1) {
      await registry.killWhileStarting(random.fraction() * 1500);
      count.killedWhileStarting += 1;
      kill += 1;
    }
    const startedMs = performance.now();
    await using server = await registry.start();
    outputOf = () => server.output();
    const again = await settle();
    // Else nothing would be signed: the lead of the dead falls with time.
    while (!server.output().includes(sequencing) && random.fraction() < 0.98) await delay(100);
    const attempts = [...again, ...planRound(random, round)];
    using moment = drawMoment(registry, random, { publishes: attempts.length, withinMs });
    const publishing = publish(attempts, moment.answered);
    await Promise.race([publishing, moment.come]);
    await server.stop("SIGKILL");
    kill += 1;
    await publishing;
    await countSteps(
      registry,
      open.filter((attempt) => !present.has(attempt)),
      steps,
    );
    if (kill % leadFallsEvery !== 0) await registry.dropLead();
    say(
      `${kill} kills, ${present.size} versions; answered ${fresh.length}, unanswered ${open.length}; ` +
        `ready after ${Math.round(server.readyMilliseconds)} ms, all took ${Math.round(performance.now() - startedMs)} ms`,
    );
  }

  {
    await using server = await registry.start();
    outputOf = () => server.output();
    const again = await settle();
    while (!server.output().includes(sequencing)) await delay(100);
    await publish(again);
    assert.deepEqual(open, []);
    await settle();
    const looker = createLooker(registry);
    await each([...present], async ([attempt, place]) => assert.deepEqual(await looker.look(attempt), place));
    await each(absent, async (attempt) => assert.equal(await looker.look(attempt), undefined));
    const ending = await server.stop();
    assert.equal(ending.exitCode, 0, server.output());
  }
  await assertNothingElse(registry, [...present.keys()]);
  return { kills: kill, steps, ...count };
}

/** A few at a time. */
async function each<T>(values: readonly T[], work: (value: T) => Promise<void>): Promise<void> {
  const waiting = values.values();
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for (const value of waiting) await work(value);
    }),
  );
}
