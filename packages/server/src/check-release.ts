/** What `assay check` runs: the steps of a publish, without a server. */
import type { LoadedConfig } from "./config/load.ts";
import { createWorkers } from "./platform/workers/workers.ts";
import { checkTarball, type CheckedTarball } from "./publishing/publishing.ts";

/** By the limits and settings of the configuration here. `checkTarball` says the rest. */
export async function checkRelease(
  { config }: LoadedConfig,
  input: Parameters<typeof checkTarball>[1],
): Promise<CheckedTarball> {
  await using workers = createWorkers({ maxThreads: 1, idleMs: 1000, maxHeapMiB: 1024 });
  return await checkTarball({ workers }, input, config);
}
