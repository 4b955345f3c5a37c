import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

interface WitnessOptions {
  readonly config?: string;
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly publicUrl?: string[];
  readonly name?: string;
  readonly keys?: string;
  readonly log?: string[];
}

/** `assay witness`: a second party that cosigns the checkpoints of logs, until a signal. */
export function witnessCommand(context: CliContext, finish: Finish): Command {
  return new Command("witness")
    .description("watch logs and cosign their checkpoints, until Ctrl-C")
    .option("--log <vkey[=url]>", "key of a log to watch; may be repeated", append)
    .option("--config <file>", "configuration file")
    .option("--data <folder>", "where its key and what it has seen live (default: ./assay-witness)")
    .option("--host <address>", "address to listen on")
    .option("--port <number>", "port to listen on (default: 4874)")
    .option("--public-url <url>", "URL under which logs reach this witness; may be repeated", append)
    .option("--name <name>", "its name in cosignatures, fixed at the first start")
    .option("--keys <kind>", "ed25519, or both to cosign with ML-DSA-44 as well")
    .action(async (options: WitnessOptions) => {
      const { runWitness } = await import("@assay/server/witness");
      const { cwd, stdout, stderr } = context;
      const signal = context.stopSignal();
      finish(await runWitness({ flags: options, cwd, stdout, stderr, signal }));
    });
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
