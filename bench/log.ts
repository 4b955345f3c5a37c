/**
 * A log of a million records: binds, lookups and proofs a second, bundles of 300 and 1,500 releases, and the check of
 * all of it, on SQLite and files in the system's temporary folder.
 *
 * Alone: `node bench/log.ts [count]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { checkLog, type Checksums } from "../packages/server/src/checksums/checksums.ts";
import { bindFacts } from "./binds.ts";
import { openLog, type BenchLog } from "./open-log.ts";

const perWrite = 512;
const writesAtOnce = 8;
/** How long reads are measured, and how many wait at the same time. */
const readMs = 3000;
const readers = 32;
const never = new AbortController().signal;

type Say = (line: string) => void;

/** Fills a log, then reads and checks it. Removes its folder. */
export async function measureLog(say: Say, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "assay-log-"));
  try {
    await using log = await openLog(folder);
    await fill(log, count, say);
    await measureReads(log.checksums, count, say);
    for (const size of [300, 1500]) await measureBundle(log.checksums, { size, count }, say);
    await measureCheck(log, count, say);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill({ checksums, deps: { clock, database } }: BenchLog, count: number, say: Say): Promise<void> {
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  const shard = checksums.logs.list()[0]?.shard ?? "";
  const started = clock.monotonicMs();
  let next = 0;
  const claimNext = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, next + perWrite);
      const binds = Array.from({ length: next - first }, (_, i) => bindFacts(first + i));
      await database.write((transaction) => Promise.all(binds.map((bind) => checksums.claimBind(transaction, bind))));
    }
  };
  await Promise.all(Array.from({ length: writesAtOnce }, claimNext));
  while (Number(checksums.logs.checkpoint(shard)?.split("\n", 2)[1] ?? 0) < count) await clock.sleep(5);
  const seconds = (clock.monotonicMs() - started) / 1000;
  stop.abort();
  await running;
  say(`binds, ${perWrite} a write: ${perSecond(count, seconds)}/s under a signed checkpoint, to ${count} records`);
}

async function measureReads(checksums: Checksums, count: number, say: Say): Promise<void> {
  // A tenth of the log is asked for again and again, as popular packages are.
  const one = (turn: number) => bindFacts((turn * 7919) % Math.ceil(count / 10));
  const reads: readonly [string, (turn: number) => Promise<unknown>][] = [
    ["lookups", (turn) => checksums.lookup(one(turn).name, one(turn).version, never)],
    ["proofs", (turn) => checksums.logs.proof(undefined, one(turn).name, one(turn).version, never)],
  ];
  for (const [what, read] of reads) {
    let turn = 0;
    const started = performance.now();
    const work = async (): Promise<void> => {
      while (performance.now() - started < readMs) if ((await read((turn += 1))) === undefined) throw new Error("lost");
    };
    await Promise.all(Array.from({ length: readers }, work));
    say(`${what}: ${perSecond(turn, (performance.now() - started) / 1000)}/s, ${readers} at a time`);
  }
}

async function measureBundle(
  { logs }: Checksums,
  { size, count }: { readonly size: number; readonly count: number },
  say: Say,
): Promise<void> {
  const step = Math.max(1, Math.floor(count / size));
  const entries = Array.from({ length: size }, (_, i) => bindFacts((i * step + 13) % count));
  const times: number[] = [];
  let text = "";
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    text = JSON.stringify(await logs.bundle(undefined, entries, never));
    times.push(performance.now() - started);
  }
  const [cold = 0, ...warm] = times.map(Math.round);
  const bytes = Buffer.byteLength(text);
  const zipped = gzipSync(text).length;
  say(`bundle of ${size}: ${cold} ms first, ${Math.min(...warm)} ms then; ${kib(bytes)} plain, ${kib(zipped)} gzip`);
}

async function measureCheck({ deps, guardFolder }: BenchLog, count: number, say: Say): Promise<void> {
  const started = performance.now();
  const findings = await checkLog(deps, { guardFolder, entries: "all" });
  if (findings.length > 0) throw new Error(`the log is not sound: ${findings[0]?.message}`);
  const seconds = (performance.now() - started) / 1000;
  const rss = Math.round(process.memoryUsage().rss / 1024 / 1024);
  say(
    `check of ${count} records: ${seconds.toFixed(1)} s (${perSecond(count, seconds)}/s), ${rss} MiB resident after it`,
  );
}

function perSecond(count: number, seconds: number): number {
  return Math.round(count / seconds);
}

function kib(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}

if (import.meta.main) await measureLog((line) => console.log(line), Number(process.argv[2] ?? 1_000_000));
