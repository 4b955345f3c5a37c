import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

interface ServeOptions {
  readonly config?: string;
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly publicUrl?: string[];
  readonly upstream?: string;
  readonly role?: string;
}

/** `assay serve`: the registry, until a signal. */
export function serveCommand(context: CliContext, finish: Finish): Command {
  return new Command("serve")
    .description("run the registry (or the checksum database) until Ctrl-C")
    .option("--config <file>", "configuration file (default: assay.yaml here, if there is one)")
    .option("--data <folder>", "where everything that must survive lives")
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "port to listen on")
    .option("--public-url <url>", "URL under which clients reach this server; may be repeated", append)
    .option("--upstream <url>", "registry to read through")
    .option("--role <role>", "registry, or log for a checksum database and nothing else")
    .action(async (options: ServeOptions) => {
      const { runServer } = await import("@assay/server/main");
      const { env, cwd, stdout, stderr } = context;
      const signal = context.stopSignal();
      finish(await runServer({ flags: options, env, cwd, stdout, stderr, signal }));
    });
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
