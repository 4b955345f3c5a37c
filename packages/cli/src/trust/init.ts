import {
  checkDistinct,
  listLogs,
  trustLog,
  trustLogs,
  vkeyFingerprint,
  type ListedLog,
  type TrustedLog,
} from "@assay/verify";
import { readTrustFile, sha256, trustFilePlace } from "@assay/verify/node";
import type { TrustOptions } from "../commands/trust.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryHttp, registryUrl } from "../npm-registry.ts";
import { writeTrustFile } from "./add.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** Writes a first trust file with the registry's logs, once a person has compared their keys. Throws USAGE. */
export async function trustInit(context: CliContext, options: TrustOptions): Promise<ExitCode> {
  const found = await readTrustFile(context.cwd);
  if (found !== undefined) throw wrongUse(`${found.path} is there already; assay trust add log adds to it.`);
  const { registry, listed } = await logsAt(context, options);
  if (listed.length === 0) throw wrongUse(`The registry at ${registry} lists no log.`);
  if (!(await isConfirmed(context, registry, listed, options))) return 1;
  const logs = listed.map((each) => trustLog(each.vkey, undefined, namesOf(each, options)));
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
  const added =
    vkey === undefined ? await newLogs(context, policy.logs, options) : [trustLog(vkey, options.url, options.names)];
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
  return unknown.map((each) => trustLog(each.vkey, options.url, namesOf(each, options)));
}

/**
 * Which names a listed log may decide: of an organisation those in the scope of its name, or what a person says. Never
 * what the registry says: it could hand itself names of the public namespace.
 */
function namesOf({ log }: ListedLog, { names }: TrustOptions): readonly string[] {
  const organisation = organisationIn(log);
  return organisation === undefined ? [] : (names ?? [`@${organisation}/*`]);
}

function organisationIn(log: string): string | undefined {
  return /^org:(.+)$/.exec(log)?.[1];
}

/** The open ones and those before them, which hold what was bound earlier. */
async function logsAt(
  context: CliContext,
  options: TrustOptions,
): Promise<{ readonly registry: string; readonly listed: readonly ListedLog[] }> {
  const registry = await registryUrl(context, options.registry);
  const http = await registryHttp(context, registry);
  // Others bind no names: what a registry records of itself.
  const listed = (await listLogs(http)).filter(({ log }) => log === "npm" || organisationIn(log) !== undefined);
  return { registry, listed };
}

function forNames(names: readonly string[]): string {
  return names.length === 0 ? "" : `, for ${names.join(" ")} alone`;
}

/** Shows the keys and asks. Throws USAGE where nobody can be asked and `--yes` was not given. */
async function isConfirmed(
  context: CliContext,
  registry: string,
  logs: readonly ListedLog[],
  options: TrustOptions,
): Promise<boolean> {
  const { yes } = options;
  const rows = logs.flatMap((log) => [
    `  ${log.shard}${log.state === "open" ? "" : " (ended)"}${forNames(namesOf(log, options))}`,
    `    ${log.vkey}`,
    `    ${vkeyFingerprint(sha256, log.vkey)}`,
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
