import { Command, Option } from "commander";
import type { MirrorReport, Selection } from "@assay/server/mirroring";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { createProgress } from "../progress.ts";
import { installationOptions, openInstallationToWrite, type InstallationOptions } from "../rooms.ts";
import { readSelection } from "../selection.ts";
import { sizeText } from "../size-text.ts";

interface MirrorOptions extends InstallationOptions {
  readonly used?: boolean;
  readonly lockfile?: string[];
  readonly deps?: boolean;
  readonly versions?: Selection["versions"];
  readonly concurrency: string;
  readonly follow?: string;
  readonly json?: boolean;
}

/** `assay mirror`: have packages here, verified and bound, before anybody asks and whether their upstream lives or not. */
export function mirrorCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("mirror"))
    .description("fetch and bind packages in advance, so that they are served without their upstream")
    .argument("[names...]", "packages, each as name or name@version, name@range, name@tag")
    .option("--lockfile <file>", "everything that this lockfile installs; may be repeated", append)
    .option("--used", "every package that was ever asked for or bound here")
    .option("--deps", "what these depend on too, as clients would resolve it now")
    .addOption(
      new Option(
        "--versions <which>",
        "releases of each package (default: locked with --lockfile alone, else latest)",
      ).choices(["latest", "locked", "all"]),
    )
    .option("--concurrency <number>", "packages under way at once", "8")
    .option("--follow <minutes>", "go on for ever: look again after so many minutes")
    .option("--json", "print the outcome as JSON")
    .action(async (names: string[], options: MirrorOptions) => {
      finish(await runMirror(context, names, options));
    });
}

async function runMirror(context: CliContext, names: readonly string[], options: MirrorOptions): Promise<ExitCode> {
  const round = {
    concurrency: whole("--concurrency", options.concurrency, 64),
    signal: context.stopSignal(),
  };
  const everyMinutes = options.follow === undefined ? undefined : whole("--follow", options.follow, 10_080);
  for (;;) {
    const report = await mirrorOnce(context, names, options, round);
    tell(context, report, options.json === true);
    const code = report.outcome === "complete" ? 0 : 1;
    if (everyMinutes === undefined || !(await slept(context, everyMinutes * 60_000, round.signal))) return code;
  }
}

/** Reads the lockfiles and opens the rooms each time: a lockfile changes, and between two rounds a server may start. */
async function mirrorOnce(
  context: CliContext,
  names: readonly string[],
  options: MirrorOptions,
  round: { readonly concurrency: number; readonly signal: AbortSignal },
): Promise<MirrorReport> {
  const selection = await selectionOf(names, options);
  const opened = await openInstallationToWrite(context, options);
  await using rooms = opened.rooms;
  const progress = createProgress(context, "mirror");
  const report = await rooms.mirroring.mirror(selection, {
    ...round,
    onProgress: ({ done, total, sizeBytes, latest }) =>
      progress.update(done, total, `${sizeText(sizeBytes)} ${latest}`),
  });
  progress.end();
  return report;
}

async function selectionOf(names: readonly string[], options: MirrorOptions): Promise<Selection> {
  const chosen = await readSelection(names, options, "mirror");
  const versions = options.versions ?? (names.length === 0 && !chosen.used ? "locked" : "latest");
  return { ...chosen, versions, dependencies: options.deps ?? false };
}

function tell({ stdout }: CliContext, report: MirrorReport, json: boolean): void {
  const { outcome, continued, releases, sizeBytes, missing, optionalMissing } = report;
  if (json) {
    stdout.write(`${JSON.stringify({ ok: outcome === "complete", ...report }, undefined, 2)}\n`);
    return;
  }
  if (continued) stdout.write("Went on with a run that had been cut off.\n");
  for (const { name, want, reason } of missing) stdout.write(`✗ ${name} (${want}): ${reason}\n`);
  for (const { name, want, reason } of optionalMissing) stdout.write(`- ${name} (${want}), optional: ${reason}\n`);
  const here = `${releases} releases are here and bound, ${sizeText(sizeBytes)}`;
  const endings = {
    complete: `${here}.`,
    incomplete: `${here}; ${missing.length} could not be had.`,
    stopped: `Stopped: ${here} so far. Run it again to go on.`,
  };
  stdout.write(`${endings[outcome]}\n`);
}

/** False when it was stopped meanwhile. */
async function slept({ clock }: CliContext, ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([clock.sleep(ms), stopped]);
  return !signal.aborted;
}

function whole(option: string, text: string, most: number): number {
  const number = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw wrongUse(`${option} must be a whole number from 1 to ${most}.`);
  return number;
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
