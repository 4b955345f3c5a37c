import { checkLog } from "../checksums/checksums.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { StorageOptions } from "../storage.ts";
import { openStored } from "./local-log.ts";

export type StoredFindings = Awaited<ReturnType<typeof checkLog>>;

/**
 * Checks everything of the stored log; answers what is wrong. Changes nothing, and runs beside a server. Throws CONFIG
 * where there is no log.
 */
export async function checkStoredLog(
  loaded: LoadedConfig,
  options: StorageOptions & { readonly onProgress: (done: number, total: number) => void },
): Promise<StoredFindings> {
  await using storage = await openStored(loaded, options);
  const { guardFolder } = loaded.config.log;
  return await checkLog(storage, { guardFolder, entries: "all", onProgress: options.onProgress });
}
