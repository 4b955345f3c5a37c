import { resolve } from "node:path";
import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../../context.ts";
import { recordLine, shownRecord } from "../../log/record-line.ts";
import { parseRelease } from "../../release.ts";
import { installationOptions, loadInstallation, type InstallationOptions } from "../../rooms.ts";
import { writeWhole } from "../../verify/write-whole.ts";

interface ConflictOptions extends InstallationOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/** `assay log conflict`: who served or listed something else for a release, and the proof of it. */
export function conflictCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("conflict"))
    .description("show which sources had something else for a release, with a proof for others")
    .argument("<name@version>", "the release, such as left-pad@1.3.0")
    .option("--out <file>", "write the records and their proof as a bundle that anybody checks")
    .option("--json", "print conflicts and bundle as JSON")
    .action(async (release: string, options: ConflictOptions) => {
      finish(await runConflict(context, release, options));
    });
}

async function runConflict(
  context: CliContext,
  release: string,
  { out, json, ...installation }: ConflictOptions,
): Promise<ExitCode> {
  const { name, version } = parseRelease(release);
  const loaded = await loadInstallation(context, installation);
  const { conflictsOf } = await import("@assay/server/log-commands/conflict");
  const { conflicts, bundle } = await conflictsOf(loaded, { name, version }, { logTo: context.stderr });
  if (out !== undefined)
    await writeWhole(context, resolve(context.cwd, out), `${JSON.stringify(bundle, undefined, 2)}\n`);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, conflicts, bundle }, undefined, 2)}\n`);
    return 0;
  }
  if (conflicts.length === 0) {
    context.stdout.write(`No source is on record with anything else for ${name}@${version}.\n`);
    return 0;
  }
  for (const { origin, records } of bundle.bundles) {
    const shard = origin.slice(origin.lastIndexOf("/") + 1);
    for (const { index, text } of records) context.stdout.write(`${recordLine(shownRecord(shard, index, text))}\n`);
  }
  for (const { record, evidence, statement } of conflicts) {
    context.stdout.write(`\n${record.source}: ${evidence ?? "only its listing or a digest is kept"}\n`);
    if (statement === undefined) continue;
    context.stdout.write(`  lists ${statement.integrity}\n`);
    for (const { keyid, sig } of statement.signatures) context.stdout.write(`  signed with ${keyid}: ${sig}\n`);
  }
  if (out === undefined)
    context.stdout.write("\nWith --out <file> the records and their proof are written for others.\n");
  return 0;
}
