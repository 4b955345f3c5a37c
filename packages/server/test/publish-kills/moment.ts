/**
 * When a process is killed. By the clock alone nearly all kills of a busy machine fall before the first byte is stored,
 * so three of four wait for a sign of progress first: blobs, a commit, answers.
 */
import { mkdirSync, watch } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "@assay/server/platform/random";
import type { KilledRegistry } from "./killed-registry.ts";

export interface Moment extends Disposable {
  /** Resolves when it has come. */
  readonly come: Promise<void>;
  /** Said after each answer to a publish. */
  readonly answered: () => void;
}

/** After the sign. */
const afterMs = { blobs: 80, commits: 40, answers: 15 };
/** Between two looks for a commit. */
const lookEveryMs = 3;
/** Tarball and manifest. */
const blobsPerPublish = 2;

export function drawMoment(
  { installation, committed }: KilledRegistry,
  random: Random,
  { publishes, withinMs }: { readonly publishes: number; readonly withinMs: number },
): Moment {
  const sign = (["clock", "blobs", "commits", "answers"] as const)[Math.floor(random.fraction() * 4)] ?? "clock";
  const share = random.fraction();
  const waitMs = random.fraction() * (sign === "clock" ? withinMs : afterMs[sign]);
  const seen = Promise.withResolvers<void>();
  if (sign === "clock") seen.resolve();
  let answers = 0;
  const written = new Set<string>();
  const folder = path.join(installation.data, "blobs", "+temporary");
  mkdirSync(folder, { recursive: true });
  const watcher = watch(folder, (_, file) => {
    if (file !== null) written.add(file);
    if (sign === "blobs" && written.size > share * publishes * blobsPerPublish) seen.resolve();
  });
  /** The first commit after a blob: what comes before is not of a publish. */
  async function lookForCommit(): Promise<void> {
    while (written.size === 0) await delay(lookEveryMs);
    const before = await committed();
    while ((await committed()) === before) await delay(lookEveryMs);
    seen.resolve();
  }
  if (sign === "commits") lookForCommit().catch(seen.reject);
  return {
    come: seen.promise.then(() => delay(waitMs)),
    answered() {
      answers += 1;
      if (sign === "answers" && answers > share * publishes) seen.resolve();
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}
