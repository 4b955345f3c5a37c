/**
 * From a claimed bind to the public checkpoint that covers it, with 0, 1 and 3 witnesses that must all cosign, one bind
 * at a time: SQLite and files in the system's temporary folder, each witness a process of its own on loopback.
 *
 * `node bench/witnesses.ts [rounds]`
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { noLogWitnesses } from "../packages/server/src/checksums/witnesses/witnesses.ts";
import { witnessesOf } from "../packages/server/src/checksums/witnesses/test-witnesses.ts";
import { bindFacts } from "./binds.ts";
import { figure, median } from "./numbers.ts";
import { openLog } from "./open-log.ts";

const commandLine = fileURLToPath(new URL("../packages/cli/src/main.ts", import.meta.url));

interface Witness extends Disposable {
  readonly name: string;
  readonly vkey: string;
  readonly url: string;
}

/** `assay witness` of one log, once it says that it is ready. */
async function startWitness(folder: string, name: string, log: string): Promise<Witness> {
  const args = ["witness", `--data=${join(folder, name)}`, "--port=0", `--name=${name}`, `--log=${log}`];
  const child = spawn(process.execPath, [commandLine, ...args], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const chunk of child.stdout) if ((said += String(chunk)).includes("Ctrl-C")) break;
  const [, vkey, url] = /^ {2}witness \S+ (\S+) (\S+)$/m.exec(said) ?? [];
  if (vkey === undefined || url === undefined) throw new Error(`the witness did not start: ${said}`);
  return { name, vkey, url, [Symbol.dispose]: () => void child.kill() };
}

/** Milliseconds of each round. */
async function measureRounds(count: number, rounds: number): Promise<readonly number[]> {
  const folder = await mkdtemp(join(tmpdir(), "assay-witnesses-"));
  try {
    let vkey = "";
    {
      await using log = await openLog(folder);
      vkey = log.checksums.logs.list()[0]?.vkey ?? "";
    }
    using stack = new DisposableStack();
    const witnesses: Witness[] = [];
    for (let i = 1; i <= count; i += 1)
      witnesses.push(stack.use(await startWitness(folder, `w${i}.example.com`, vkey)));
    await using log = await openLog(folder, count === 0 ? noLogWitnesses : await witnessesOf(witnesses, count));
    const { checksums, deps } = log;
    const shard = checksums.logs.list()[0]?.shard ?? "";
    const stop = new AbortController();
    const running = checksums.run(stop.signal);
    const times: number[] = [];
    // The first rounds warm up.
    for (let i = 0; i < rounds + 5; i += 1) {
      const facts = bindFacts(i);
      const startedMs = performance.now();
      await deps.database.write((transaction) => checksums.claimBind(transaction, facts));
      while (Number(checksums.logs.checkpoint(shard)?.split("\n", 2)[1] ?? 0) <= i) await deps.clock.sleep(1);
      if (i >= 5) times.push(performance.now() - startedMs);
    }
    stop.abort();
    await running;
    return times;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const rounds = Number(process.argv[2] ?? 100);
for (const count of [0, 1, 3]) {
  const times = (await measureRounds(count, rounds)).toSorted((a, b) => a - b);
  const slow = times[Math.floor(times.length * 0.95)] ?? Number.NaN;
  console.log(`${count} witnesses: ${figure(median(times))} ms median, ${figure(slow)} ms p95 of ${rounds} rounds`);
}
