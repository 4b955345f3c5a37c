import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { isAssayError, noWitnesses, parsePolicy } from "@assay/core";
import type { FollowPolicy } from "@assay/verify";
import type { MirroredShard } from "@assay/verify/node";
import type { CliContext, ExitCode, Finish } from "../../context.ts";
import { wrongUse } from "../../errors.ts";
import { registryHttp } from "../../npm-registry.ts";
import { createProgress } from "../../progress.ts";
import { parseDuration } from "../../duration.ts";

interface MirrorLogCommand {
  readonly trust: string;
  readonly to: string;
  readonly policy?: string;
  readonly maxAge?: string;
  readonly follow?: string | true;
  readonly json?: boolean;
}

/** `assay log mirror`: a complete second copy of any log, verified before it is written. */
export function mirrorLogCommand(context: CliContext, finish: Finish): Command {
  return new Command("mirror")
    .description("keep a complete, verified copy of a log in a folder, which any web server can serve")
    .argument("<url>", "a registry or database, or the log itself (where its checkpoint is)")
    .requiredOption("--trust <vkey>", "the log's key")
    .requiredOption("--to <folder>", "where the copy is kept")
    .option("--policy <file>", "witness policy that each checkpoint must satisfy")
    .option("--max-age <duration>", "oldest age of the newest checkpoint by its witnesses' clocks: 15m, 24h, 7d")
    .option("--follow [duration]", "go on for ever: look again after so long (default: 60s)")
    .option("--json", "print the outcome of each round as one line of JSON")
    .action(async (url: string, options: MirrorLogCommand) => {
      finish(await runMirrorLog(context, url, options));
    });
}

async function runMirrorLog(context: CliContext, given: string, options: MirrorLogCommand): Promise<ExitCode> {
  const url = given.replace(/\/+$/, "");
  if (!/^https?:\/\//.test(url)) throw wrongUse(`${given} is no http or https URL.`);
  const policy = await policyOf(context, options);
  const folder = resolve(context.cwd, options.to);
  const everySeconds = options.follow === undefined ? undefined : followSeconds(options.follow);
  const signal = context.stopSignal();
  const { mirrorLog } = await import("@assay/verify/node");
  const { sleep } = context.clock;
  // A private log is shown to who may read it: with what npm's configuration holds for its registry.
  const { fetch } = await registryHttp(context, url);
  const deps = {
    fetch,
    sleep,
    nowSeconds: () => Math.floor(context.clock.nowMs() / 1000),
    uniqueName: context.uniqueName,
  };
  for (;;) {
    const progress = createProgress(context, "Copying");
    try {
      const shards = await mirrorLog(deps, {
        url,
        vkey: options.trust,
        policy,
        folder,
        signal,
        onProgress: ({ done, total, shard }) => progress.update(done, total, shard),
      });
      progress.end();
      tell(context, shards, options.json === true);
    } catch (error) {
      progress.end();
      if (signal.aborted) return 0;
      // A log that cannot be reached now may be reached later; one that is refused is for a person to look at.
      if (everySeconds === undefined || !isAssayError(error, "LOG_UNAVAILABLE")) throw error;
      context.stderr.write(`assay: ${error.message}\n`);
    }
    if (everySeconds === undefined) return 0;
    await Promise.race([sleep(everySeconds * 1000), aborted(signal)]);
    if (signal.aborted) return 0;
  }
}

async function policyOf(context: CliContext, { policy, maxAge }: MirrorLogCommand): Promise<FollowPolicy> {
  const witnesses = policy === undefined ? noWitnesses : parsePolicy(await readFile(resolve(context.cwd, policy)));
  if (maxAge !== undefined && witnesses.quorum === "none")
    throw wrongUse("--max-age needs the witnesses of a --policy: only their clocks say how old a checkpoint is.");
  return { witnesses, maxAgeSeconds: maxAge === undefined ? undefined : parseDuration(maxAge) };
}

function followSeconds(follow: string | true): number {
  return follow === true ? 60 : parseDuration(follow);
}

function tell(context: CliContext, shards: readonly MirroredShard[], json: boolean): void {
  if (json) {
    context.stdout.write(`${JSON.stringify({ ok: true, shards })}\n`);
    return;
  }
  for (const { origin, path, size, added } of shards)
    context.stdout.write(`${origin}: ${size} entries, ${added === 0 ? "nothing new" : `${added} new`} (${path})\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
}
