import { Command } from "commander";
import type { CliContext, Finish } from "../../context.ts";
import { rotateCommand } from "./rotate.ts";

/** `assay log …`: the checksum database of this installation, or of another one by its URL. */
export function logCommand(context: CliContext, finish: Finish): Command {
  return new Command("log").description("the checksum database").addCommand(rotateCommand(context, finish));
}
