import { Command } from "commander";
import { sourceOptions, type SourceOptions } from "../log/source.ts";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions, type InstallationOptions } from "../rooms.ts";

/** `assay audit export | verify`: what was done here, and whether anybody changed what is written about it. */
export function auditCommand(context: CliContext, finish: Finish): Command {
  const exported = installationOptions(new Command("export"))
    .description("write the audit trail as JSON lines, the oldest entry first")
    .option("--out <file>", "where to (default: standard output)")
    .action(async (options: InstallationOptions & { readonly out?: string }) => {
      const { runAuditExport } = await import("../audit/export.ts");
      finish(await runAuditExport(context, options));
    });
  const verify = sourceOptions(new Command("verify"))
    .description("recompute the hash chain of the audit trail, and hold it against the records of the log")
    .option("--file <file>", "an export instead of the trail of the installation here")
    .option("--json", "print the outcome as JSON")
    .action(async (options: SourceOptions & { readonly file?: string; readonly json?: boolean }) => {
      const { runAuditVerify } = await import("../audit/verify.ts");
      finish(await runAuditVerify(context, options));
    });
  return new Command("audit").description("who did what").addCommand(exported).addCommand(verify);
}
