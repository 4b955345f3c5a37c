import { isAssayError } from "@assay/core";
import {
  createFollower,
  evidenceIn,
  findSuccessor,
  listLogs,
  seenSuccessor,
  type FollowEffects,
  type HttpDeps,
  type ListedLog,
  type Successor,
  type TrustedLog,
  type TrustPolicy,
} from "@assay/verify";
import { sha256 } from "@assay/verify/node";
import type { TrustOptions } from "../commands/trust.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { registryHttp, registryUrl } from "../npm-registry.ts";
import { keepEvidence } from "../verify/evidence-file.ts";
import { followEffects } from "./follow-effects.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** What one log of the trust file answered. */
interface Checked {
  readonly origin: string;
  readonly ok: boolean;
  /** One line. */
  readonly says: string;
  /** Where the log goes on after this shard. */
  readonly successor: Successor | undefined;
}

/** A log that the file does not name; `vouchedBy`: the log of the file that goes on in it. */
interface Untrusted {
  readonly origin: string;
  readonly vkey: string;
  readonly vouchedBy: string | undefined;
}

/**
 * Asks every log of the trust file for its checkpoint: signature, witnesses, age, one history with what was seen before.
 * Also names the registry's logs that the file does not have, which is a warning. Exit code 1 when a log fails.
 */
export async function trustCheck(context: CliContext, options: TrustOptions): Promise<ExitCode> {
  const { path, policy } = await mustReadTrustFile(context.cwd);
  const registry = await registryUrl(context, options.registry);
  const http = await registryHttp(context, registry);
  const effects = followEffects(context, http, options.state);
  const checked: Checked[] = [];
  for (const log of policy.logs) checked.push(await checkLog(context, effects, log, policy));
  const untrusted = (await unknownLogs(http, policy)).map(({ origin, vkey }): Untrusted => {
    const before = checked.find(({ successor }) => successor && findSuccessor(sha256, successor, [{ vkey }]));
    return { origin, vkey, vouchedBy: before?.origin };
  });
  const ok = checked.every((each) => each.ok);
  if (options.json === true) {
    const logs = checked.map((each) => ({ ...each, successor: each.successor?.origin }));
    context.stdout.write(`${JSON.stringify({ ok, path, logs, untrusted }, undefined, 2)}\n`);
  } else {
    const rows = [
      ...checked.map((each) => `${each.ok ? "✓" : "✗"} ${each.origin}: ${each.says}`),
      ...untrusted.map(({ origin, vouchedBy }) => {
        const vouched = vouchedBy === undefined ? "" : ` (the last records of ${vouchedBy} vouch for its key)`;
        return `! ${origin} is at ${registry} and not in the file: assay trust add log${vouched}`;
      }),
    ];
    context.stdout.write(`${rows.join("\n")}\n`);
  }
  return ok ? 0 : 1;
}

async function checkLog(
  context: CliContext,
  effects: FollowEffects,
  log: TrustedLog,
  policy: TrustPolicy,
): Promise<Checked> {
  const { origin } = log;
  try {
    const tree = await createFollower({ sha256, effects, log, policy }).update();
    const successor = await seenSuccessor(tree);
    const end = successor === undefined ? "" : `; it has ended, and goes on in ${successor.origin}`;
    const says = `${tree.signed.checkpoint.size} entries, of one history with what was seen before${end}`;
    return { origin, ok: true, says, successor };
  } catch (error) {
    const evidence = evidenceIn(error);
    if (evidence === undefined && !isAssayError(error)) throw error;
    if (evidence !== undefined) await keepEvidence(context, evidence);
    return { origin, ok: false, says: error instanceof Error ? error.message : String(error), successor: undefined };
  }
}

/** The registry's logs that the file does not name; none where the registry is another kind or does not answer. */
async function unknownLogs(http: HttpDeps, policy: TrustPolicy): Promise<readonly ListedLog[]> {
  try {
    const listed = await listLogs(http);
    // What a registry records of itself binds no names.
    const binding = listed.filter(({ log }) => log !== "registry");
    return binding.filter(({ vkey }) => !policy.logs.some((log) => log.vkey === vkey));
  } catch (error) {
    if (isAssayError(error, "LOG_UNAVAILABLE")) return [];
    throw error;
  }
}
