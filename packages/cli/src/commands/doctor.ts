import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

interface DoctorOptions {
  readonly config?: string;
  readonly data?: string;
  readonly upstream?: string;
  readonly json?: boolean;
}

const marks = { ok: "✓", warning: "!", error: "✗" } as const;

/** `assay doctor`: is this installation sound, and what to do where it is not. Warnings do not fail it. */
export function doctorCommand(context: CliContext, finish: Finish): Command {
  return new Command("doctor")
    .description("check this installation and say what to do")
    .option("--config <file>", "configuration file (default: assay.yaml here, if there is one)")
    .option("--data <folder>", "the data folder to check")
    .option("--upstream <url>", "the registry that is read through")
    .option("--json", "print the findings as JSON")
    .action(async ({ json, ...flags }: DoctorOptions) => {
      const { doctor } = await import("@assay/server/doctor");
      const { env, cwd, stdout } = context;
      const findings = [];
      for await (const finding of doctor({ flags, env, cwd })) {
        findings.push(finding);
        if (json === true) continue;
        const { outcome, message, advice } = finding;
        stdout.write(`${marks[outcome]} ${message}\n`);
        if (advice !== undefined) stdout.write(`    ${advice}\n`);
      }
      const ok = findings.every(({ outcome }) => outcome !== "error");
      if (json === true) stdout.write(`${JSON.stringify({ ok, findings }, undefined, 2)}\n`);
      else stdout.write(ok ? "\nAll is well enough to run.\n" : "\nSomething must be put right.\n");
      finish(ok ? 0 : 1);
    });
}
