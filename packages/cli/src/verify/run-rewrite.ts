import { basename } from "node:path";
import { maxLockfileBytes, rewriteLockfile, type Rewritten } from "@assay/verify";
import { readLimited } from "@assay/verify/node";
import type { RewriteOptions } from "../commands/lockfile.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { locateLockfiles } from "./lockfile-paths.ts";
import { writeWhole } from "./write-whole.ts";

/** What was, or would be, done to one file. */
interface Outcome extends Rewritten {
  readonly lockfile: string;
}

/** Rewrites lockfiles and says what changed. All are read and rewritten in memory first: one that is refused changes none. */
export async function runRewrite(
  context: CliContext,
  given: string | undefined,
  options: RewriteOptions,
): Promise<ExitCode> {
  const { paths, shown } = await locateLockfiles(context, given, options.all === true);
  const request = { to: options.to, from: options.from };
  const outcomes: (Outcome & { readonly path: string })[] = [];
  for (const path of paths) {
    const bytes = await readLimited(path, maxLockfileBytes, "The lockfile");
    outcomes.push({ path, lockfile: shown(path), ...rewriteLockfile(basename(path), bytes, request) });
  }
  if (options.dryRun !== true) {
    for (const { path, bytes, changed } of outcomes) if (changed > 0) await writeWhole(context, path, bytes);
  }
  context.stdout.write(
    options.json === true ? jsonOf(outcomes) : outcomes.map((each) => textOf(each, options)).join(""),
  );
  return 0;
}

function textOf({ lockfile, from, changed, others }: Outcome, { to, dryRun }: RewriteOptions): string {
  const rows = [...others].map(([base, count]) => `  ${count} of ${base} stay.\n`).join("");
  if (changed === 0)
    return `${lockfile}: nothing to change${from === undefined ? "; it names no registry" : ""}.\n${rows}`;
  const verb = dryRun === true ? "would change" : "changed";
  const target = to === "none" ? "none, so that the client's own registry is used" : to;
  return `${lockfile}: ${changed} ${verb} from ${from ?? ""} to ${target}.\n${rows}`;
}

function jsonOf(outcomes: readonly Outcome[]): string {
  const lockfiles = outcomes.map(({ lockfile, from, changed, others }) => {
    return { lockfile, from, changed, others: Object.fromEntries(others) };
  });
  return `${JSON.stringify({ ok: true, lockfiles }, undefined, 2)}\n`;
}
