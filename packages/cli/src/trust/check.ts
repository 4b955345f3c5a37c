import { isAssayError } from "@assay/core";
import {
  createFollower,
  evidenceIn,
  listLogs,
  type FollowEffects,
  type HttpDeps,
  type ListedLog,
  type TrustedLog,
  type TrustPolicy,
} from "@assay/verify";
import { sha256 } from "@assay/verify/node";
import type { TrustOptions } from "../commands/trust.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { registryUrl } from "../npm-registry.ts";
import { keepEvidence } from "../verify/evidence-file.ts";
import { followEffects } from "./follow-effects.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** What one log of the trust file answered. */
interface Checked {
  readonly origin: string;
  readonly ok: boolean;
  /** One line. */
  readonly says: string;
}

/**
 * Asks every log of the trust file for its checkpoint: signature, witnesses, age, one history with what was seen before.
 * Also names the registry's open logs that the file does not have, which is a warning. Exit code 1 when a log fails.
 */
export async function trustCheck(context: CliContext, options: TrustOptions): Promise<ExitCode> {
  const { path, policy } = await mustReadTrustFile(context.cwd);
  const registry = await registryUrl(context, options.registry);
  const http: HttpDeps = { fetch, sleep: context.clock.sleep, registry };
  const effects = followEffects(context, http, options.state);
  const checked: Checked[] = [];
  for (const log of policy.logs) checked.push(await checkLog(context, effects, log, policy));
  const unknown = await unknownLogs(http, policy);
  const ok = checked.every((each) => each.ok);
  if (options.json === true) {
    const untrusted = unknown.map(({ origin, vkey }) => ({ origin, vkey }));
    context.stdout.write(`${JSON.stringify({ ok, path, logs: checked, untrusted }, undefined, 2)}\n`);
  } else {
    const rows = [
      ...checked.map((each) => `${each.ok ? "✓" : "✗"} ${each.origin}: ${each.says}`),
      ...unknown.map(({ origin }) => `! ${origin} is open at ${registry} and not in the file: assay trust add log`),
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
    const { signed } = await createFollower({ sha256, effects, log, policy }).update();
    return { origin, ok: true, says: `${signed.checkpoint.size} entries, of one history with what was seen before` };
  } catch (error) {
    const evidence = evidenceIn(error);
    if (evidence === undefined && !isAssayError(error)) throw error;
    if (evidence !== undefined) await keepEvidence(context, evidence);
    return { origin, ok: false, says: error instanceof Error ? error.message : String(error) };
  }
}

/** Open logs of the registry that the file does not name; none where the registry is another kind or does not answer. */
async function unknownLogs(http: HttpDeps, policy: TrustPolicy): Promise<readonly ListedLog[]> {
  try {
    const listed = await listLogs(http);
    return listed.filter(({ vkey, state }) => state === "open" && !policy.logs.some((log) => log.vkey === vkey));
  } catch (error) {
    if (isAssayError(error, "LOG_UNAVAILABLE")) return [];
    throw error;
  }
}
