import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";

interface InitOptions {
  readonly config: string;
  readonly as?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `assay init`: writes a commented configuration file; every setting in it is optional. */
export function initCommand(context: CliContext, finish: Finish): Command {
  return new Command("init")
    .description("write a commented configuration file")
    .option("--config <file>", "the file to write", "assay.yaml")
    .option("--as <role>", "what it is for: proxy, organisation, maintainer, mirror, auditor or database")
    .option("--force", "replace a file that is there")
    .option("--json", "print the outcome as JSON")
    .action(async (options: InitOptions) => {
      finish(await runInit(context, options));
    });
}

async function runInit(context: CliContext, options: InitOptions): Promise<ExitCode> {
  const text = await textOf(options.as);
  const path = resolve(context.cwd, options.config);
  try {
    await writeFile(path, text, { flag: options.force === true ? "w" : "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw wrongUse(`${path} is there already; --force replaces it.`);
    throw error;
  }
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ok: true, file: path })}\n`
      : `Wrote ${path}. ${options.as === undefined ? "Every setting in it is optional" : "Put your own names and URLs in"}; start with: assay serve\n`,
  );
  return 0;
}

/** The file of a role, else the one with every setting. Throws USAGE. */
async function textOf(as: string | undefined): Promise<string> {
  if (as === undefined) return (await import("@assay/server/template")).renderTemplate();
  const { initRoles, renderRole } = await import("@assay/server/role-template");
  const role = initRoles.find((each) => each === as);
  if (role === undefined) throw wrongUse(`--as ${as} is not known; known: ${initRoles.join(", ")}.`);
  return renderRole(role);
}
