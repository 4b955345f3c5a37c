/** From spawn to the first answer, and the memory of a server that nobody asked anything yet. */
import { setTimeout as delay } from "node:timers/promises";
import { startAssay, startNginx, startVerdaccio } from "./contenders.ts";
import type { Contender, ContenderName } from "./contenders.ts";
import { median } from "./numbers.ts";
import { residentBytes } from "./processes.ts";
import type { Row } from "./table.ts";

export interface StartsOptions {
  readonly upstream: string;
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Each start is on an empty store: keys, database and folders are made in that time. */
export async function measureStarts(options: StartsOptions): Promise<readonly Row[]> {
  const start: Readonly<Record<ContenderName, () => Promise<Contender>>> = {
    Assay: () => startAssay(options.upstream),
    Verdaccio: () => startVerdaccio(options.upstream),
    nginx: () => startNginx([]),
  };
  const ready: Partial<Record<ContenderName, number[]>> = {};
  const idle: Partial<Record<ContenderName, number[]>> = {};
  for (let round = 0; round < options.rounds; round += 1) {
    for (const name of options.contenders) {
      await using contender = await start[name]();
      // Long enough for workers that were started for the start to end again.
      await delay(3000);
      const mebibytes = residentBytes(contender.pid) / 1024 / 1024;
      (ready[name] ??= []).push(contender.readyMilliseconds);
      (idle[name] ??= []).push(mebibytes);
      options.say(
        `  round ${round + 1}: ${name} ready after ${Math.round(contender.readyMilliseconds)} ms, ` +
          `${Math.round(mebibytes)} MiB idle`,
      );
    }
  }
  const medians = (values: Partial<Record<ContenderName, number[]>>): Row["values"] =>
    Object.fromEntries(Object.entries(values).map(([name, all]) => [name, median(all)]));
  const readyMedians = medians(ready);
  const idleMedians = medians(idle);
  return [
    {
      what: "ready after start",
      unit: "ms",
      values: readyMedians,
      budget: { text: "≤ 800", isMet: (readyMedians.Assay ?? Infinity) <= 800 },
    },
    {
      what: "idle RSS",
      unit: "MiB",
      values: idleMedians,
      budget: { text: "≤ 140", isMet: (idleMedians.Assay ?? Infinity) <= 140 },
    },
  ];
}
