/**
 * How long a server answers nobody while it derives a document of 21 MB: it is pinged without pause on one
 * connection while another process asks for the document, cold.
 */
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startAssay, startVerdaccio } from "./contenders.ts";
import type { Contender, ContenderName } from "./contenders.ts";
import { median } from "./numbers.ts";
import type { Row } from "./table.ts";

export interface StallOptions {
  readonly upstream: string;
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly say: (line: string) => void;
}

const everyMilliseconds = 5;

/** The longest ping during the derivation minus the longest of an idle time before: median over rounds. */
export async function measureStall(options: StallOptions): Promise<readonly Row[]> {
  const stalls: Partial<Record<ContenderName, number[]>> = {};
  const totals: Partial<Record<ContenderName, number[]>> = {};
  for (let round = 0; round < options.rounds; round += 1) {
    for (const name of options.contenders.filter((contender) => contender !== "nginx")) {
      await using contender =
        name === "Assay" ? await startAssay(options.upstream) : await startVerdaccio(options.upstream);
      const { stall, total } = await stallOf(contender);
      (stalls[name] ??= []).push(stall);
      (totals[name] ??= []).push(total);
      options.say(
        `  round ${round + 1}: ${name} stalls ${stall.toFixed(0)} ms; the document took ${total.toFixed(0)} ms`,
      );
    }
  }
  const medians = (values: Partial<Record<ContenderName, number[]>>): Row["values"] =>
    Object.fromEntries(Object.entries(values).map(([name, all]) => [name, median(all)]));
  const stall = medians(stalls);
  return [
    {
      what: "event-loop stall, 21 MB packument derived",
      unit: "ms",
      values: stall,
      budget: { text: "≤ 50", isMet: (stall.Assay ?? Infinity) <= 50 },
    },
    {
      what: "  until that packument is answered, cold",
      unit: "ms",
      values: medians(totals),
    },
  ];
}

async function stallOf(contender: Contender): Promise<{ stall: number; total: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  // The first requests of a process compile its code: that is no stall of the derivation.
  for (let index = 0; index < 50; index += 1) await ping(contender.url, agent);
  const baseline = await longestPing(contender.url, agent, delay(2000));
  const begun = performance.now();
  let total = 0;
  const fetched = fetchElsewhere(`${contender.url}/next`).then(() => {
    total = performance.now() - begun;
  });
  const longest = await longestPing(contender.url, agent, fetched);
  agent.destroy();
  return { stall: Math.max(0, longest - baseline), total };
}

async function longestPing(url: string, agent: Agent, until: Promise<unknown>): Promise<number> {
  const waiting = { isOver: false };
  const over = until.finally(() => {
    waiting.isOver = true;
  });
  let longest = 0;
  while (!waiting.isOver) {
    longest = Math.max(longest, await ping(url, agent));
    await delay(everyMilliseconds);
  }
  await over;
  return longest;
}

function ping(url: string, agent: Agent): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    request(`${url}/-/ping`, { agent }, (response) => {
      response.resume();
      response.once("end", () => resolve(performance.now() - begun));
    })
      .once("error", reject)
      .end();
  });
}

/** In another process, so that receiving 21 MB does not delay our own pings. */
function fetchElsewhere(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "curl",
      ["--silent", "--fail", "--compressed", "-H", "accept: application/json", "-o", "/dev/null", url],
      { stdio: "ignore" },
    );
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`curl of ${url} ended with ${code}`));
    });
  });
}
