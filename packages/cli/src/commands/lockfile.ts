import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

/** The options of `assay lockfile rewrite`, as given. */
export interface RewriteOptions {
  readonly to: string;
  readonly from?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `assay lockfile`: what is done to lockfiles besides checking them. */
export function lockfileCommand(context: CliContext, finish: Finish): Command {
  const rewrite = new Command("rewrite")
    .description("move a lockfile to another registry: only URLs change, digests never")
    .argument("[lockfile]", "lockfile of any client, or a folder with one (default: the one here)")
    .requiredOption("--to <url>", "base URL of the registry to move to, or none: the one the client is configured for")
    .option("--from <url>", "base URL of the registry to move from (default: the only one that the lockfile names)")
    .option("--all", "rewrite every lockfile in the folder and below it")
    .option("--dry-run", "say what would change, and write nothing")
    .option("--json", "print the outcome as JSON")
    .action(async (lockfile: string | undefined, options: RewriteOptions) => {
      const { runRewrite } = await import("../verify/run-rewrite.ts");
      finish(await runRewrite(context, lockfile, options));
    });
  return new Command("lockfile").description("work on lockfiles").addCommand(rewrite);
}
