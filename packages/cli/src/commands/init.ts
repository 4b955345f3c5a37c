import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";

interface InitOptions {
  readonly config: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `assay init`: writes a commented configuration file; every setting in it is optional. */
export function initCommand(context: CliContext, finish: Finish): Command {
  return new Command("init")
    .description("write a commented configuration file")
    .option("--config <file>", "the file to write", "assay.yaml")
    .option("--force", "replace a file that is there")
    .option("--json", "print the outcome as JSON")
    .action(async (options: InitOptions) => {
      finish(await runInit(context, options));
    });
}

async function runInit(context: CliContext, options: InitOptions): Promise<ExitCode> {
  const { renderTemplate } = await import("@assay/server/template");
  const path = resolve(context.cwd, options.config);
  try {
    await writeFile(path, renderTemplate(), { flag: options.force === true ? "w" : "wx" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw wrongUse(`${path} is there already; --force replaces it.`);
    throw error;
  }
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ok: true, file: path })}\n`
      : `Wrote ${path}. Every setting in it is optional; start with: assay serve\n`,
  );
  return 0;
}
