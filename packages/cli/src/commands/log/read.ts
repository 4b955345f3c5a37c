import { Command } from "commander";
import type { CliContext, Finish } from "../../context.ts";
import type { runProve } from "../../log/prove.ts";
import type { runShow } from "../../log/show.ts";
import { sourceOptions, type SourceOptions } from "../../log/source.ts";
import type { TailOptions } from "../../log/tail.ts";

const record = "a release such as left-pad@1.3.0, or a place such as npm-2026a/812";

/** `assay log tail`: records as they come. */
export function tailCommand(context: CliContext, finish: Finish): Command {
  return sourceOptions(new Command("tail"))
    .description("print the newest records, and the next ones as they come")
    .option("--lines <count>", "how many of those that are there", "10")
    .option("--no-follow", "end after those")
    .option("--json", "one JSON object a line")
    .action(async (options: TailOptions) => {
      const { runTail } = await import("../../log/tail.ts");
      finish(await runTail(context, options));
    });
}

/** `assay log show`: a record with its place and what came before it. */
export function showCommand(context: CliContext, finish: Finish): Command {
  return sourceOptions(new Command("show"))
    .description("show a record, its place, and the records of its package before it")
    .argument("<record>", record)
    .option("--json", "print it as JSON")
    .action(async (asked: string, options: Parameters<typeof runShow>[2]) => {
      const { runShow: run } = await import("../../log/show.ts");
      finish(await run(context, asked, options));
    });
}

/** `assay log prove`: a proof for anybody who has the key. */
export function proveCommand(context: CliContext, finish: Finish): Command {
  return sourceOptions(new Command("prove"))
    .description("write a proof of a record (c2sp.org/tlog-proof) that anybody checks with the log's key")
    .argument("<record>", record)
    .option("--out <file>", "where to (default: standard output)")
    .option("--json", "print it as JSON")
    .action(async (asked: string, options: Parameters<typeof runProve>[2]) => {
      const { runProve: run } = await import("../../log/prove.ts");
      finish(await run(context, asked, options));
    });
}

/** `assay log fsck`: everything recomputed from the entries. */
export function fsckCommand(context: CliContext, finish: Finish): Command {
  return sourceOptions(new Command("fsck"))
    .description("recompute a log from its entries, and say what is wrong; changes nothing")
    .option("--json", "print the findings as JSON")
    .action(async (options: SourceOptions & { readonly json?: boolean }) => {
      const { runFsck } = await import("../../log/fsck.ts");
      finish(await runFsck(context, options));
    });
}
