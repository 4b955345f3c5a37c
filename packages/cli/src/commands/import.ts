import { resolve } from "node:path";
import { Command } from "commander";
import type { ImportReport } from "@assay/server/mirroring";
import type { TrustPolicy } from "@assay/verify";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { createProgress } from "../progress.ts";
import { importPackagesCommands } from "./import-packages.ts";
import { installationOptions, openInstallationToWrite, type InstallationOptions } from "../rooms.ts";

interface ImportOptions extends InstallationOptions {
  readonly trust?: string[];
  readonly requireWitnesses?: boolean;
  readonly maxAge?: string;
  readonly json?: boolean;
}

/** `assay import`: takes in what an export proves, under keys that are pinned here. */
export function importCommand(context: CliContext, finish: Finish): Command {
  const command = installationOptions(new Command("import"))
    .description(
      "verify an export of another Assay and bind what it proves; or bring packages of another registry here",
    )
    .argument("<export>", "the file or folder that assay export wrote")
    .option("--trust <vkey>", "key of the exporter's log, instead of assay.trust.json; may be repeated", append)
    .option("--require-witnesses", "refuse unless the trust file asks for witnesses; their quorum must have cosigned")
    .option("--max-age <duration>", "oldest age of the exporter's checkpoint that counts: 90s, 15m, 24h, 7d")
    .option("--json", "print the outcome as JSON")
    .action(async (path: string, options: ImportOptions) => {
      finish(await runImport(context, path, options));
    });
  for (const inner of importPackagesCommands(context, finish)) command.addCommand(inner);
  return command;
}

async function runImport(context: CliContext, path: string, options: ImportOptions): Promise<ExitCode> {
  const policy = await policyOf(context, options);
  const signal = context.stopSignal();
  const opened = await openInstallationToWrite(context, options);
  await using rooms = opened.rooms;
  const progress = createProgress(context, "import");
  const report = await rooms.mirroring.importFrom(resolve(context.cwd, path), {
    policy,
    signal,
    onProgress: ({ done, total, latest }) => progress.update(done, total, latest),
  });
  progress.end();
  tell(context, report, options.json === true);
  return report.outcome === "complete" ? 0 : 1;
}

async function policyOf({ cwd }: CliContext, options: ImportOptions): Promise<TrustPolicy> {
  const { policyFor } = await import("../verify/policy.ts");
  const policy = await policyFor(cwd, options);
  if (policy === undefined)
    throw wrongUse(
      "Nothing says whose log to believe: give its key with --trust, or a trust file (assay trust). The exporter prints the key; take it from there by another way than the export.",
    );
  return policy;
}

function tell({ stdout }: CliContext, report: ImportReport, json: boolean): void {
  if (json) {
    stdout.write(`${JSON.stringify({ ok: report.outcome === "complete", ...report }, undefined, 2)}\n`);
    return;
  }
  const { outcome, created, packages, already, releases, refused, broken } = report;
  for (const { name, reason, evidence } of refused) {
    stdout.write(`✗ ${name}: ${reason}\n`);
    for (const [title, text] of Object.entries(evidence ?? {})) stdout.write(`--- ${title} ---\n${text}\n`);
  }
  if (broken !== undefined) stdout.write(`✗ The rest cannot be read: ${broken}\n`);
  const here = `${packages} packages of the export of ${created} are here (${already} were before), ${releases} releases`;
  const endings = {
    complete: `${here}, proven and bound.`,
    incomplete: `${here}, proven and bound; ${refused.length} packages were refused.`,
    stopped: `Stopped: ${here} so far. Run it again to go on.`,
  };
  stdout.write(`${endings[outcome]}\n`);
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
