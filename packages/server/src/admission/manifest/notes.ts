import { type ArchiveFinding, printable } from "../archive/report.ts";

/** Collects what a comparison says: the first refusal stands, findings once a rule. */
export interface ManifestNotes {
  refuse(rule: string, reason: string): void;
  find(rule: string, detail: string): void;
  readonly refusal: { readonly rule: string; readonly reason: string } | undefined;
  readonly findings: readonly ArchiveFinding[];
}

export function createManifestNotes(): ManifestNotes {
  const findings = new Map<string, ArchiveFinding>();
  let refusal: { readonly rule: string; readonly reason: string } | undefined;
  return {
    refuse(rule, reason) {
      refusal ??= { rule, reason: printable(reason) };
    },
    find(rule, detail) {
      if (!findings.has(rule)) findings.set(rule, { rule, detail: printable(detail) });
    },
    get refusal() {
      return refusal;
    },
    get findings() {
      return [...findings.values()];
    },
  };
}
