import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

/** The options of the `assay trust` commands; each takes some of them. */
export interface TrustOptions {
  readonly registry?: string;
  readonly url?: string;
  readonly names?: readonly string[];
  readonly state?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const registryOption = ["--registry <url>", "Assay registry to ask (default: the one npm is configured for)"] as const;
const yesOption = ["--yes", "do not ask; needed where nobody sits at a terminal"] as const;

/** `assay trust`: the file that says which logs a project believes, made for review in git. */
export function trustCommand(context: CliContext, finish: Finish): Command {
  const init = new Command("init")
    .description("write assay.trust.json with the open logs of a registry")
    .option(...registryOption)
    .option(...yesOption)
    .action(async (options: TrustOptions) => {
      const { trustInit } = await import("../trust/init.ts");
      finish(await trustInit(context, options));
    });
  const show = new Command("show")
    .description("print what the trust file says, with fingerprints")
    .option("--json", "print it as JSON")
    .action(async (options: TrustOptions) => {
      const { trustShow } = await import("../trust/show.ts");
      finish(await trustShow(context, options));
    });
  const check = new Command("check")
    .description("ask every log of the trust file for its checkpoint and hold it against the file")
    .option(...registryOption)
    .option("--state <folder>", "where the last checkpoint seen is kept (default: the user's state folder)")
    .option("--json", "print the outcome as JSON")
    .action(async (options: TrustOptions) => {
      const { trustCheck } = await import("../trust/check.ts");
      finish(await trustCheck(context, options));
    });
  return new Command("trust")
    .description("make and check assay.trust.json: logs, witnesses, and what may pass")
    .addCommand(init)
    .addCommand(addCommand(context, finish))
    .addCommand(show)
    .addCommand(check);
}

/** What `assay trust add` adds besides logs: the arguments of each, and what it is. */
const kinds = [
  ["witness", "<name> <vkey>", "a witness, by any name and its key; add quorum says how many are needed"],
  ["quorum", "<count|name|none>", "how many of the witnesses must have cosigned: a number, all, any, none, or a group"],
  ["group", "<name> <threshold> <members...>", "a group of witnesses: all, any or a number of its members"],
  ["supersede", "<name@version> <integrity>", "a version that the log replaced, with the bytes that are right"],
  ["accept", "<category>", "a category that proves less: through-record"],
  ["allow", "<name>", "a package that cannot be verified and was reviewed"],
  ["max-age", "<duration>", "oldest age of a checkpoint that counts: 15m, 24h, 7d"],
] as const;

function addCommand(context: CliContext, finish: Finish): Command {
  const log = new Command("log")
    .description("a log, by its key, or the open logs of a registry that are not in the file yet")
    .argument("[vkey]")
    .option("--url <url>", "where the log's checkpoint and tiles are, if not at the registry")
    .option(
      "--names <patterns...>",
      "the names that this log alone decides, such as @acme/* (default: an organisation's scope)",
    )
    .option(...registryOption)
    .option(...yesOption)
    .action(async (vkey: string | undefined, options: TrustOptions) => {
      const { trustAddLog } = await import("../trust/init.ts");
      finish(await trustAddLog(context, vkey, options));
    });
  const add = new Command("add").description("add to the trust file").addCommand(log);
  for (const [kind, args, description] of kinds) {
    const command = new Command(kind).description(description).arguments(args);
    command.action(async () => {
      const { trustAdd } = await import("../trust/add.ts");
      finish(await trustAdd(context, kind, command.args));
    });
    add.addCommand(command);
  }
  return add;
}
