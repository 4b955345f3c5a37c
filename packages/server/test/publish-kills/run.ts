/**
 * Publishes and kills: `node packages/server/test/publish-kills/run.ts --engine sqlite [--kills 1000] [--batch 100]
 * [--seed 1] [--within 400] [--results file]`. Each batch has a registry of its own. A run that was stopped goes on
 * after the batches that its file of results has. What it found wrong stays on disk and is named.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startPostgres } from "@assay/testkit/postgres";
import { killBatch, type BatchResult } from "./batch.ts";

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "sqlite" },
    kills: { type: "string", default: "1000" },
    batch: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    within: { type: "string", default: "400" },
    results: { type: "string" },
  },
});
const { engine } = values;
if (engine !== "sqlite" && engine !== "postgresql") throw new Error("--engine takes sqlite or postgresql");
const results = values.results ?? `publish-kills-${engine}.jsonl`;
const done: BatchResult[] = existsSync(results)
  ? readFileSync(results, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BatchResult)
  : [];
const killed = (): number => done.reduce((sum, { kills }) => sum + kills, 0);

await using postgres = engine === "sqlite" ? undefined : await startPostgres();
while (killed() < Number(values.kills)) {
  const result = await killBatch({
    databaseUrl: await postgres?.createDatabase("C"),
    kills: Math.min(Number(values.batch), Number(values.kills) - killed()),
    seed: Number(values.seed) * 1000 + done.length,
    withinMs: Number(values.within),
    say: (line) => console.log(`${engine}, ${killed()} kills before: ${line}`),
  });
  done.push(result);
  appendFileSync(results, `${JSON.stringify(result)}\n`);
  console.log(`${engine}: ${killed()} of ${values.kills} kills`, JSON.stringify(result));
}
const sum = (of: (result: BatchResult) => number): number => done.reduce((total, result) => total + of(result), 0);
console.log(
  `${engine}: ${killed()} kills, ${sum((one) => one.killedWhileStarting)} of them while starting; ` +
    `${sum((one) => one.attempts)} publishes, ${sum((one) => one.acknowledged)} answered 201, ` +
    `${sum((one) => one.unanswered)} times no answer, ${sum((one) => one.presentUnanswered)} of those there all the same`,
);
for (const step of Object.keys(done[0]?.steps ?? {}) as (keyof BatchResult["steps"])[])
  console.log(`  ${step}: ${sum((one) => one.steps[step])}`);
