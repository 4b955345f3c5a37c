import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isAssayError } from "@assay/core";
import {
  checkDistinct,
  formatTrustFile,
  listLogs,
  parseTrustFile,
  trustFileName,
  trustLog,
  type HttpDeps,
  type TrustedLog,
} from "@assay/verify";
import { readLimited } from "@assay/verify/node";

const maxTrustFileBytes = 65_536;

/**
 * The logs to believe: those given, else those of the trust file beside the lockfile or further up in the same
 * repository; undefined when nobody said. Throws BAD_FORMAT.
 */
export async function findTrust(
  folder: string,
  given: readonly string[] | undefined,
): Promise<readonly TrustedLog[] | undefined> {
  if (given !== undefined) return checkDistinct(given.map((vkey) => trustLog(vkey)));
  for (const place of foldersOfRepository(folder)) {
    const path = join(place, trustFileName);
    if (existsSync(path)) return parseTrustFile(await readLimited(path, maxTrustFileBytes, "The trust file"));
  }
  return undefined;
}

/** The folder and those above it up to the root of its repository; outside of one only itself, since anybody may write above. */
function foldersOfRepository(folder: string): readonly string[] {
  const folders: string[] = [];
  for (let place = folder; ; place = dirname(place)) {
    folders.push(place);
    if (existsSync(join(place, ".git"))) return folders;
    if (place === dirname(place)) return [folder];
  }
}

/** Why nothing was checked, which key the registry shows, and how to pin it. */
export async function howToTrust(http: HttpDeps | undefined): Promise<string> {
  const opening = `No log is trusted: give --trust <vkey>, or commit ${trustFileName} beside the lockfile.`;
  if (http === undefined) return opening;
  try {
    const open = (await listLogs(http)).filter(({ state }) => state === "open");
    if (open.length === 0) return `${opening} The registry at ${http.registry} lists no open log.`;
    const flags = open.map(({ vkey }) => `--trust '${vkey}'`).join(" ");
    const file = formatTrustFile(open.map(({ vkey }) => trustLog(vkey)));
    return [
      opening,
      "",
      `The registry at ${http.registry} shows:`,
      ...open.map(({ shard, vkey }) => `  ${shard}  ${vkey}`),
      "",
      "Compare that with what its operator tells you some other way. If it is the same, either run",
      `  assay verify ${flags}`,
      `or write this to ${trustFileName} and commit it:`,
      ...file
        .trimEnd()
        .split("\n")
        .map((row) => `  ${row}`),
    ].join("\n");
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return `${opening} ${error.message}`;
  }
}
