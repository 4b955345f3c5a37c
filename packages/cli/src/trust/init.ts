import {
  checkDistinct,
  listLogs,
  trustLog,
  trustLogs,
  vkeyFingerprint,
  type HttpDeps,
  type ListedLog,
  type TrustedLog,
} from "@assay/verify";
import { readTrustFile, sha256, trustFilePlace } from "@assay/verify/node";
import type { TrustOptions } from "../commands/trust.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryUrl } from "../npm-registry.ts";
import { writeTrustFile } from "./add.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** Writes a first trust file with the registry's logs, once a person has compared their keys. Throws USAGE. */
export async function trustInit(context: CliContext, options: TrustOptions): Promise<ExitCode> {
  const found = await readTrustFile(context.cwd);
  if (found !== undefined) throw wrongUse(`${found.path} is there already; assay trust add log adds to it.`);
  const { registry, listed } = await logsAt(context, options);
  if (listed.length === 0) throw wrongUse(`The registry at ${registry} lists no log.`);
  if (!(await isConfirmed(context, registry, listed, options))) return 1;
  const logs = listed.map(({ vkey }) => trustLog(vkey));
  await writeTrustFile(context, trustFilePlace(context.cwd), trustLogs(logs));
  return 0;
}

/** Adds one log by its key, or those of the registry that are not in the file yet. Throws USAGE and BAD_FORMAT. */
export async function trustAddLog(
  context: CliContext,
  vkey: string | undefined,
  options: TrustOptions,
): Promise<ExitCode> {
  const { path, policy } = await mustReadTrustFile(context.cwd);
  const added = vkey === undefined ? await newLogs(context, policy.logs, options) : [trustLog(vkey, options.url)];
  if (added === undefined) return 1;
  await writeTrustFile(context, path, { ...policy, logs: checkDistinct([...policy.logs, ...added]) });
  return 0;
}

async function newLogs(
  context: CliContext,
  known: readonly TrustedLog[],
  options: TrustOptions,
): Promise<readonly TrustedLog[] | undefined> {
  const { registry, listed } = await logsAt(context, options);
  const unknown = listed.filter(({ vkey }) => !known.some((log) => log.vkey === vkey));
  if (unknown.length === 0) throw wrongUse(`Every log of ${registry} is in the trust file.`);
  if (!(await isConfirmed(context, registry, unknown, options))) return undefined;
  return unknown.map(({ vkey }) => trustLog(vkey, options.url));
}

/** The open ones and those before them, which hold what was bound earlier. */
async function logsAt(
  context: CliContext,
  options: TrustOptions,
): Promise<{ readonly registry: string; readonly listed: readonly ListedLog[] }> {
  const registry = await registryUrl(context, options.registry);
  const http: HttpDeps = { fetch, sleep: context.clock.sleep, registry };
  return { registry, listed: await listLogs(http) };
}

/** Shows the keys and asks. Throws USAGE where nobody can be asked and `--yes` was not given. */
async function isConfirmed(
  context: CliContext,
  registry: string,
  logs: readonly ListedLog[],
  { yes }: TrustOptions,
): Promise<boolean> {
  const rows = logs.flatMap(({ shard, state, vkey }) => [
    `  ${shard}${state === "open" ? "" : " (ended)"}`,
    `    ${vkey}`,
    `    ${vkeyFingerprint(sha256, vkey)}`,
  ]);
  context.stderr.write(
    `The registry at ${registry} shows:\n${rows.join("\n")}\nCompare that with what its operator tells you some other way.\n`,
  );
  if (yes === true) return true;
  const answer = await context.ask(`Believe ${logs.length === 1 ? "this log" : "these logs"}? [y/N] `);
  if (answer === undefined) throw wrongUse("Nobody can be asked here; once you have compared the keys, add --yes.");
  if (/^y(?:es)?$/i.test(answer.trim())) return true;
  context.stderr.write("Nothing was written.\n");
  return false;
}
