import { hash } from "node:crypto";
import type { StoredFinding } from "./store-findings.ts";

/** A finding as others get it: docs/formats/finding.md. Evidence that is too large is named by its digest. */
export function findingDocument(
  { id, rule, severity, origin, index, sentence, evidence, foundAtMs }: StoredFinding,
  maxEvidenceCharacters = Number.POSITIVE_INFINITY,
): object {
  const isSmall = evidence.length <= maxEvidenceCharacters;
  return {
    format: "assay-finding/v1",
    id,
    rule,
    severity,
    origin,
    index: index ?? null,
    sentence,
    foundAt: new Date(foundAtMs).toISOString(),
    evidence: isSmall ? (JSON.parse(evidence) as unknown) : { sha256: hash("sha256", evidence) },
  };
}
