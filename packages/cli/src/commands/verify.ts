import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";

/** The options of `assay verify`, as given. */
export interface VerifyOptions {
  readonly registry?: string;
  readonly all?: boolean;
  readonly trust?: string[];
  readonly requireWitnesses?: boolean;
  readonly maxAge?: string;
  /** The bundle may be named here too. */
  readonly offline?: string | true;
  readonly bundle?: string;
  readonly saveBundle?: string;
  readonly allow?: string[];
  readonly accept?: string[];
  readonly deep?: boolean;
  readonly state?: string;
  readonly gossip?: string[];
  readonly evidence?: string;
  readonly json?: boolean;
}

/** `assay verify [lockfile]`: is what this lockfile installs what the log binds? */
export function verifyCommand(context: CliContext, finish: Finish): Command {
  return new Command("verify")
    .description("check a lockfile against the checksum database")
    .argument(
      "[lockfile]",
      "lockfile of npm, pnpm, Yarn, Bun, Deno or vlt, or a folder with one (default: the one here)",
    )
    .option("--all", "check every lockfile in the folder and below it")
    .option("--registry <url>", "Assay registry to ask (default: the one npm is configured for)")
    .option("--trust <vkey>", "key of a log to believe, instead of assay.trust.json; may be repeated", append)
    .option("--require-witnesses", "fail unless the trust file asks for witnesses; their quorum must have cosigned")
    .option("--max-age <duration>", "oldest age of a checkpoint that counts: 90s, 15m, 24h, 7d")
    .option("--bundle <file>", "check against a saved bundle; only the log's history is fetched")
    .option("--offline [bundle]", "fetch nothing at all; needs a bundle")
    .option("--save-bundle <file>", "save the proofs for checking offline")
    .option("--allow <name>", "let a package (or @scope/*) be unverifiable, or in no log; may be repeated", append)
    .option("--accept <category>", "let a category pass that proves less; known: through-record", append)
    .option("--deep", "also fetch and hash every tarball that the lockfile does not pin")
    .option("--state <folder>", "where the last checkpoint seen is kept, by key (default: the user's state folder)")
    .option("--gossip <url>", "show the last checkpoint to this registry, witness or monitor; may be repeated", append)
    .option("--evidence <file>", "check a file of evidence instead, with nothing but the key in it")
    .option("--json", "print the report as JSON")
    .action(async (lockfile: string | undefined, options: VerifyOptions) => {
      if (options.evidence !== undefined) {
        const { runEvidence } = await import("../verify/evidence-file.ts");
        return finish(await runEvidence(context, options.evidence, options));
      }
      const { runVerify } = await import("../verify/run-verify.ts");
      finish(await runVerify(context, lockfile, options));
    });
}

function append(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
