import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../../context.ts";
import { installationOptions, loadInstallation, type InstallationOptions } from "../../rooms.ts";

interface RotateOptions extends InstallationOptions {
  readonly log: string;
  readonly restored?: boolean;
  readonly json?: boolean;
}

/** `assay log rotate`: ends the open shard of the log and opens the next one, with its own origin and key. */
export function rotateCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("rotate"))
    .description("end the open shard of the log and open the next one; safe beside a running server")
    .option("--log <log>", "which log: npm, org:<organisation> or registry", "npm")
    .option("--restored", "after an old backup was restored: of every log whose old shard cannot be signed any more")
    .option("--json", "print the outcome as JSON")
    .action(async (options: RotateOptions) => {
      finish(await runRotate(context, options));
    });
}

async function runRotate(
  context: CliContext,
  { log, restored = false, json, ...installation }: RotateOptions,
): Promise<ExitCode> {
  const loaded = await loadInstallation(context, installation);
  const { rotateLog } = await import("@assay/server/log-commands/rotate");
  const all = await rotateLog(loaded, {
    logTo: context.stderr,
    log,
    isRestored: restored,
    signal: context.stopSignal(),
  });
  if (json === true) {
    const [first, ...others] = all;
    context.stdout.write(`${JSON.stringify({ ok: true, ...first, ...(others.length > 0 && { others }) })}\n`);
    return 0;
  }
  for (const { ended, shard, origin, vkey, lost } of all) {
    context.stdout.write(`${ended} has ended; ${shard} is open.\n\n  origin ${origin}\n  vkey   ${vkey}\n\n`);
    if (lost > 0)
      context.stdout.write(
        `Signed and not in this database: ${lost} entries. What they bound is bound again when it is asked for.\n`,
      );
  }
  context.stdout.write("Verifiers that pin the old key must add the new one; both stay valid.\n");
  return 0;
}
