import { join, resolve } from "node:path";
import { encodeUtf8, toHex } from "@assay/core";
import { checkEvidence, parseEvidence, vkeyFingerprint, type Evidence } from "@assay/verify";
import { readLimited, sha256 } from "@assay/verify/node";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { writeWhole } from "./write-whole.ts";

const maxEvidenceBytes = 32 * 1024 * 1024;

/**
 * Writes evidence as `assay-evidence-<kind>-<digest>.json` into the working folder: one file for one finding, however
 * often it is made. Says where, on stderr. Answers the name.
 */
export async function keepEvidence(
  context: Pick<CliContext, "cwd" | "stderr" | "uniqueName">,
  evidence: Evidence,
): Promise<string> {
  const text = `${JSON.stringify(evidence, undefined, 2)}\n`;
  const digest = toHex(sha256(encodeUtf8(text))).slice(0, 12);
  const name = `assay-evidence-${evidence["kind"] ?? "unknown"}-${digest}.json`;
  await writeWhole(context, join(context.cwd, name), text);
  context.stderr.write(`assay: The evidence is in ${name}; anybody checks it with assay verify --evidence ${name}\n`);
  return name;
}

/** `assay verify --evidence <file>`: whether it holds, with nothing but the key that is in it. Throws BAD_FORMAT, NOT_FOUND, USAGE. */
export async function runEvidence(
  context: Pick<CliContext, "cwd" | "stdout">,
  file: string,
  options: { readonly trust?: readonly string[]; readonly json?: boolean },
): Promise<ExitCode> {
  const evidence = parseEvidence(await readLimited(resolve(context.cwd, file), maxEvidenceBytes, "The evidence"));
  const vkey = evidence["vkey"] ?? "";
  if (options.trust !== undefined && !options.trust.includes(vkey))
    throw wrongUse(`The evidence is about another key than the one given: ${vkey}.`);
  const verdict = await checkEvidence({ sha256 }, evidence);
  const fingerprint = vkeyFingerprint(sha256, vkey);
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify({ ...verdict, vkey, fingerprint }, undefined, 2)}\n`);
  } else {
    const lines = [
      `${file}: ${evidence["kind"] ?? ""}`,
      `  key ${vkey}`,
      `      ${fingerprint}`,
      "",
      wordsOf(verdict, evidence),
    ];
    context.stdout.write(`${lines.join("\n")}\n`);
  }
  return verdict.holds ? 0 : 1;
}

function wordsOf(verdict: Awaited<ReturnType<typeof checkEvidence>>, evidence: Evidence): string {
  if (!verdict.holds) return `It does not hold: ${verdict.reason}. Nothing follows from it.`;
  return verdict.convicts
    ? `It holds: only the holder of this key can have made it. ${evidence["sentence"] ?? ""}`
    : "It holds: a reader of this log was right to refuse what it was served. Who served it, the log or somebody between, it does not say.";
}
