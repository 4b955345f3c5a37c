import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../../context.ts";
import { createProgress } from "../../progress.ts";
import { installationOptions, loadInstallation, type InstallationOptions } from "../../rooms.ts";

interface RecoverOptions extends InstallationOptions {
  readonly from: string;
  readonly trust?: readonly string[];
  readonly json?: boolean;
}

/** `assay log recover`: the tables of the log made again from a copy, after the database was lost. */
export function recoverCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("recover"))
    .description("make the tables of the log again from a complete copy, after the database was lost")
    .requiredOption(
      "--from <copy>",
      "a folder of assay log mirror, or the URL of a registry or of a copy that is served",
    )
    .option("--trust <vkey...>", "keys to believe besides those in the data folder")
    .option("--json", "print the outcome as JSON")
    .action(async (options: RecoverOptions) => {
      finish(await runRecover(context, options));
    });
}

async function runRecover(
  context: CliContext,
  { from, trust = [], json, ...installation }: RecoverOptions,
): Promise<ExitCode> {
  const loaded = await loadInstallation(context, installation);
  const { recoverLog } = await import("@assay/server/log-commands/recover");
  const progress = createProgress(context, "Recovering");
  try {
    const { shards } = await recoverLog(loaded, {
      from,
      trust,
      cwd: context.cwd,
      uniqueName: context.uniqueName,
      logTo: context.stderr,
      signal: context.stopSignal(),
      onProgress: (done, total, shard) => progress.update(done, total, shard),
    });
    progress.end();
    if (json === true) {
      context.stdout.write(`${JSON.stringify({ ok: true, shards })}\n`);
      return 0;
    }
    for (const { shard, size, state } of shards) context.stdout.write(`${shard}  ${size} entries  ${state}\n`);
    context.stdout.write(
      "\nThe log is there again as the copy has it. Lost are claims that waited, events, and when versions were first seen.\nRun assay log fsck, then start the server.\n",
    );
    return 0;
  } finally {
    progress.end();
  }
}
