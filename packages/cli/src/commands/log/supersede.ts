import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { CliContext, ExitCode, Finish } from "../../context.ts";
import { parseRelease } from "../../release.ts";
import { installationOptions, loadInstallation, type InstallationOptions } from "../../rooms.ts";

interface SupersedeOptions extends InstallationOptions {
  readonly tarball: string;
  readonly statement?: string;
  readonly manifest: "listed" | "archive";
  readonly reason: string;
  readonly json?: boolean;
}

/** `assay log supersede`: replaces a wrong bind, on a statement that people signed. */
export function supersedeCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("supersede"))
    .description("replace what a version is: prints the statement to be signed, or does it on a signed one")
    .argument("<name@version>", "the release, such as left-pad@1.3.0")
    .requiredOption("--tarball <file>", "the .tgz that it is to be")
    .option("--statement <file>", "the statement, signed by enough of log.approvers (assay log approve)")
    .addOption(
      new Option(
        "--manifest <whose>",
        "the manifest that is fixed: as its owner lists it, or package.json in the archive",
      )
        .choices(["listed", "archive"])
        .default("listed"),
    )
    .option("--reason <text>", "why, one line for those who sign", "-")
    .option("--json", "print the outcome as JSON")
    .action(async (release: string, options: SupersedeOptions) => {
      finish(await runSupersede(context, release, options));
    });
}

async function runSupersede(context: CliContext, release: string, options: SupersedeOptions): Promise<ExitCode> {
  const { name, version } = parseRelease(release);
  const { tarball, statement, manifest, reason, json, ...installation } = options;
  const at = (file: string): string => resolve(context.cwd, file);
  const request = { name, version, tarball: await readFile(at(tarball)), manifest, reason };
  const loaded = await loadInstallation(context, installation);
  const { proposeSupersede, supersede } = await import("@assay/server/log-commands/supersede");
  const how = { logTo: context.stderr, signal: context.stopSignal() };
  if (statement === undefined) {
    const text = await proposeSupersede(loaded, request, how);
    context.stdout.write(json === true ? `${JSON.stringify({ ok: true, statement: text })}\n` : text);
    if (json !== true)
      context.stderr.write(
        `\nKeep this text in a file, have ${loaded.config.log.approvalsNeeded} approvers sign it with assay log approve, then run this again with --statement.\n`,
      );
    return 0;
  }
  const signed = await readFile(at(statement), "utf8");
  const { approval, approvedBy, isNew } = await supersede(loaded, { ...request, statement: signed }, how);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, isNew, approvedBy, approval })}\n`);
    return 0;
  }
  const { from, integrity } = approval;
  context.stdout.write(
    isNew
      ? `${name}@${version} is ${integrity} from now on, no longer ${from}.\nApproved by ${approvedBy.join(" and ")}. The record follows as soon as the server sequences it.\nVerifiers refuse this version unless their trust file allows it.\n`
      : `${name}@${version} was replaced by this approval already; nothing was changed.\n`,
  );
  return 0;
}
