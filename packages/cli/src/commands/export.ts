import { resolve } from "node:path";
import { Command } from "commander";
import type { ExportReport } from "@assay/server/mirroring";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { createProgress } from "../progress.ts";
import { installationOptions, openInstallationToWrite, type InstallationOptions } from "../rooms.ts";
import { readSelection } from "../selection.ts";
import { sizeText } from "../size-text.ts";

interface ExportOptions extends InstallationOptions {
  readonly to: string;
  readonly lockfile?: string[];
  readonly used?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `assay export`: packages with the proofs of what they are, to be carried where no network leads. */
export function exportCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("export"))
    .description("write what is bound here, with its proofs, for assay import elsewhere")
    .argument("[names...]", "packages, each as name (all that is bound of it) or name@version, name@range, name@tag")
    .requiredOption("--to <file>", "a file whose name ends in .assay.tar, or a new folder")
    .option("--lockfile <file>", "everything that this lockfile installs; may be repeated", append)
    .option("--used", "everything that is bound here")
    .option("--force", "replace a file that is there")
    .option("--json", "print the outcome as JSON")
    .action(async (names: string[], options: ExportOptions) => {
      finish(await runExport(context, names, options));
    });
}

async function runExport(context: CliContext, names: readonly string[], options: ExportOptions): Promise<ExitCode> {
  const chosen = await readSelection(names, options, "export");
  const selection = { ...chosen, versions: "locked", dependencies: false } as const;
  const path = resolve(context.cwd, options.to);
  if (/\.(?:t?gz|zip|zst|xz|bz2)$/.test(path))
    throw wrongUse(
      "An export is not compressed, since its tarballs are: name a file that ends in .assay.tar, or a folder.",
    );
  const kind = path.endsWith(".tar") ? "file" : "folder";
  const signal = context.stopSignal();
  const opened = await openInstallationToWrite(context, options);
  await using rooms = opened.rooms;
  const progress = createProgress(context, "export");
  const target = { path, kind, replace: options.force === true } as const;
  const report = await rooms.mirroring.exportTo(target, selection, {
    signal,
    onProgress: ({ done, total, writtenBytes, latest }) =>
      progress.update(done, total, `${sizeText(writtenBytes)} ${latest}`),
  });
  progress.end();
  tell(context, path, report, options.json === true);
  return report.written && report.missing.length === 0 ? 0 : 1;
}

function tell({ stdout }: CliContext, path: string, report: ExportReport, json: boolean): void {
  const { written, packages, releases, tarballBytes, missing, logs } = report;
  if (json) {
    const ok = written && missing.length === 0;
    stdout.write(`${JSON.stringify({ ok, ...report, ...(written && { path }) }, undefined, 2)}\n`);
    return;
  }
  for (const { name, want, reason } of missing) stdout.write(`✗ ${name} (${want}): ${reason}\n`);
  if (!written) {
    stdout.write("Nothing was written.\n");
    return;
  }
  stdout.write(`Wrote ${path}: ${releases} releases of ${packages} packages, ${sizeText(tarballBytes)}.\n`);
  stdout.write(`Where it is imported, pin ${logs.length === 1 ? "this key" : "these keys"} (--trust):\n`);
  for (const { vkey } of logs) stdout.write(`  ${vkey}\n`);
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
