import { readFile, rename, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../../context.ts";

interface ApproveOptions {
  readonly key: string;
  readonly json?: boolean;
}

/** `assay log approve`: an approver reads a statement and signs it. */
export function approveCommand(context: CliContext, finish: Finish): Command {
  return new Command("approve")
    .description("sign the statement of a supersede, in its file")
    .argument("<file>", "the statement that assay log supersede printed, or one that others signed")
    .requiredOption("--key <file>", "your key, made with assay log approver-key")
    .option("--json", "print the outcome as JSON")
    .action(async (file: string, options: ApproveOptions) => {
      finish(await runApprove(context, file, options));
    });
}

async function runApprove(context: CliContext, file: string, { key, json }: ApproveOptions): Promise<ExitCode> {
  const path = resolve(context.cwd, file);
  const { approve } = await import("@assay/server/log-commands/approve");
  const { note, approval, vkey } = await approve(await readFile(path, "utf8"), resolve(context.cwd, key));
  // The whole file or the old one: a note that is cut off would lose the signatures of others.
  const temporary = `${path}.${context.uniqueName()}.tmp`;
  await writeFile(temporary, note);
  await rename(temporary, path);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, vkey, approval })}\n`);
    return 0;
  }
  const { name, version, from, integrity, reason } = approval;
  context.stdout.write(
    `Signed as ${vkey}:\n\n  ${name}@${version}\n  is    ${from}\n  to be ${integrity}\n  why   ${reason}\n\nCheck the bytes before you pass ${file} on.\n`,
  );
  return 0;
}

interface KeyOptions {
  readonly out: string;
  readonly json?: boolean;
}

/** `assay log approver-key`: the key of an approver, on the approver's own machine. */
export function approverKeyCommand(context: CliContext, finish: Finish): Command {
  return new Command("approver-key")
    .description("make the key of an approver; keep it on your own machine, never on the server")
    .argument("<name>", "who you are, such as first-approver.example")
    .requiredOption("--out <file>", "where the key is kept")
    .option("--json", "print the outcome as JSON")
    .action(async (name: string, { out, json }: KeyOptions) => {
      const { createApproverKey } = await import("@assay/server/log-commands/approve");
      const vkey = await createApproverKey(resolve(context.cwd, out), name);
      context.stdout.write(
        json === true
          ? `${JSON.stringify({ ok: true, vkey })}\n`
          : `${vkey}\n\nAdd this line to log.approvers of the server. The key is in ${out}, readable by you alone.\n`,
      );
      finish(0);
    });
}
