import { hash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Gauge, Telemetry } from "../platform/telemetry/telemetry.ts";
import { addFinding, countFindings, type StoredFinding } from "./store-findings.ts";

/** Something that was found, before it is kept. */
export interface Finding {
  /** Short word that stays: `bound-twice`, `fork`, `unexpected`. */
  readonly rule: string;
  /** A violation is something that no good log or registry does. */
  readonly severity: "violation" | "notice";
  readonly origin: string;
  readonly index: number | undefined;
  readonly sentence: string;
  /** What anybody can check, as JSON can hold it. */
  readonly evidence: unknown;
  /** What makes it the same finding as before, besides rule, origin and index. Default: the sentence. */
  readonly key?: string;
}

/** Where findings are kept, and who hears of them. */
export interface Findings {
  /** Keeps a finding in this transaction, once for ever. Say `announce` with what it answers after the commit. */
  keep(transaction: Transaction, finding: Finding): Promise<Finding | undefined>;
  /** A log line, a file with the evidence, the metric. */
  announce(kept: readonly (Finding | undefined)[]): Promise<void>;
  /** Both, for what is found outside a transaction. */
  add(finding: Finding): Promise<void>;
}

export interface FindingsDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export async function createFindings(
  deps: FindingsDependencies,
  options: { readonly evidenceFolder: string },
): Promise<Findings> {
  const { database, clock, telemetry } = deps;
  const gauge: Gauge = telemetry.metrics.gauge(
    "assay_monitor_findings",
    "Findings that are stored, by severity. Any violation is an alarm.",
    ["severity"],
  );
  const count = async (): Promise<void> => {
    const counts = await countFindings(database.read);
    for (const severity of ["violation", "notice"]) gauge.set(counts.get(severity) ?? 0, { severity });
  };
  await count();

  const keep: Findings["keep"] = async (transaction, finding) => {
    const { rule, severity, origin, index, sentence } = finding;
    const evidence = `${JSON.stringify(finding.evidence, undefined, 2)}\n`;
    const digest = hash("sha256", JSON.stringify([rule, origin, index ?? "", finding.key ?? sentence]));
    const stored: Omit<StoredFinding, "id"> = {
      rule,
      severity,
      origin,
      index,
      sentence,
      evidence,
      foundAtMs: clock.now(),
    };
    return (await addFinding(transaction, { digest, ...stored })) ? finding : undefined;
  };

  const announce: Findings["announce"] = async (kept) => {
    for (const finding of kept) {
      if (finding === undefined) continue;
      const path = await writeEvidence(options.evidenceFolder, finding);
      const fields = {
        "finding.rule": finding.rule,
        "log.origin": finding.origin,
        "evidence.path": path,
        ...(finding.index === undefined ? {} : { "log.index": finding.index }),
      };
      if (finding.severity === "violation") telemetry.log.error(finding.sentence, fields);
      else telemetry.log.warn(finding.sentence, fields);
    }
    if (kept.some((finding) => finding !== undefined)) await count();
  };

  return {
    keep,
    announce,
    async add(finding) {
      await announce([await database.write((transaction) => keep(transaction, finding))]);
    },
  };
}

/** `<folder>/<rule>-<first 16 hex digits of the SHA-256 of the evidence>.json`; the row has it too, so nothing is lost with it. */
async function writeEvidence(folder: string, { rule, evidence }: Finding): Promise<string> {
  const text = `${JSON.stringify(evidence, undefined, 2)}\n`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${rule}-${hash("sha256", text).slice(0, 16)}.json`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
