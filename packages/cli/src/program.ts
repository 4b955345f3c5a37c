import { Command, CommanderError } from "commander";
import about from "../package.json" with { type: "json" };
import { approvalsCommand } from "./commands/approvals.ts";
import { auditCommand } from "./commands/audit.ts";
import { checkCommand } from "./commands/check.ts";
import { delegationCommand } from "./commands/delegation.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { keysCommand } from "./commands/keys.ts";
import { lockfileCommand } from "./commands/lockfile.ts";
import { logCommand } from "./commands/log/log.ts";
import { mirrorCommand } from "./commands/mirror.ts";
import { namesCommand } from "./commands/names.ts";
import { peopleCommand } from "./commands/people.ts";
import { policyCommand } from "./commands/policy.ts";
import { quarantineCommand } from "./commands/quarantine.ts";
import { serveCommand } from "./commands/serve.ts";
import { trustCommand } from "./commands/trust.ts";
import { upstreamCommand } from "./commands/upstream.ts";
import { verifyCommand } from "./commands/verify.ts";
import { witnessCommand } from "./commands/witness.ts";
import { monitorCommand } from "./commands/monitor.ts";
import type { CliContext, ExitCode, Finish } from "./context.ts";
import { reportError } from "./errors.ts";

/**
 * Runs one command line (without node and script) and answers the exit code: 0 fine, 1 a check failed, 2 wrong
 * use. Never throws. What a command needs beyond its options is loaded when it runs.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let code: number = 0;
  const finish: Finish = (answer) => {
    code = answer;
  };
  const program = new Command("assay")
    .description("A secure module registry: the same bytes for everyone, and proof of it.")
    .version(about.version)
    .showHelpAfterError("(assay --help lists commands and options)");
  const commands = [
    serveCommand(context, finish),
    initCommand(context, finish),
    doctorCommand(context, finish),
    verifyCommand(context, finish),
    trustCommand(context, finish),
    lockfileCommand(context, finish),
    logCommand(context, finish),
    witnessCommand(context, finish),
    monitorCommand(context, finish),
    mirrorCommand(context, finish),
    exportCommand(context, finish),
    importCommand(context, finish),
    checkCommand(context, finish),
    keysCommand(context, finish),
    peopleCommand(context, finish),
    namesCommand(context, finish),
    policyCommand(context, finish),
    approvalsCommand(context, finish),
    auditCommand(context, finish),
    quarantineCommand(context, finish),
    upstreamCommand(context, finish),
    delegationCommand(context, finish),
  ];
  for (const command of commands) program.addCommand(command);
  prepare(program, context);
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUseOf(error);
    return reportError(context, error, args.includes("--json"));
  }
}

/** Commander has printed the sentence already. */
function wrongUseOf(_error: CommanderError): ExitCode {
  return 2;
}

/** Commander must neither end the process nor write past the context; sub-commands take both settings one by one. */
function prepare(command: Command, context: CliContext): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void context.stdout.write(text),
    writeErr: (text) => void context.stderr.write(text),
    getOutHelpWidth: () => context.stdout.columns ?? 100,
    getErrHelpWidth: () => context.stderr.columns ?? 100,
  });
  for (const inner of command.commands) prepare(inner, context);
}
