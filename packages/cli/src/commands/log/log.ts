import { Command } from "commander";
import type { CliContext, Finish } from "../../context.ts";
import { approveCommand, approverKeyCommand } from "./approve.ts";
import { conflictCommand } from "./conflict.ts";
import { mirrorLogCommand } from "./mirror.ts";
import { fsckCommand, proveCommand, showCommand, tailCommand } from "./read.ts";
import { recoverCommand } from "./recover.ts";
import { rotateCommand } from "./rotate.ts";
import { supersedeCommand } from "./supersede.ts";

/** `assay log …`: the checksum database of this installation, or of another one by its URL. */
export function logCommand(context: CliContext, finish: Finish): Command {
  const commands = [
    mirrorLogCommand(context, finish),
    tailCommand(context, finish),
    showCommand(context, finish),
    proveCommand(context, finish),
    fsckCommand(context, finish),
    conflictCommand(context, finish),
    rotateCommand(context, finish),
    recoverCommand(context, finish),
    supersedeCommand(context, finish),
    approveCommand(context, finish),
    approverKeyCommand(context, finish),
  ];
  const log = new Command("log").description("the checksum database");
  for (const command of commands) log.addCommand(command);
  return log;
}
