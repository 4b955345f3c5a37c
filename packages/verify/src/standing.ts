import type { BindRecord, SupersedeRecord } from "@assay/core";
import type { TrustedLog } from "./trust.ts";

/** A record in the tree of a signed checkpoint that says what a version is: a bind, or what replaced it. */
export interface ProvenStatement {
  readonly record: BindRecord | SupersedeRecord;
  readonly index: number;
  readonly log: TrustedLog;
}

/** What the trusted logs say about one version. */
export interface Standing {
  /** What nothing replaces: one where all is well, several where logs differ. */
  readonly current: readonly ProvenStatement[];
  /** What a supersede replaced. */
  readonly replaced: readonly ProvenStatement[];
}

/**
 * Which statements about one version count: docs/formats/record.md. A supersede replaces the statement at its index in
 * its own shard where there is one, else that in an earlier shard of the log; which shards are of one log is not in the
 * records, so it is the index that decides, and the first supersede of a shard alone may reach outside.
 */
export function standingOf(statements: readonly ProvenStatement[]): Standing {
  const replaced = new Set(
    statements.flatMap((each) => (each.record.kind === "supersede" ? replacedBy(each, each.record, statements) : [])),
  );
  return {
    current: statements.filter((each) => !replaced.has(each)),
    replaced: statements.filter((each) => replaced.has(each)),
  };
}

function replacedBy(
  supersede: ProvenStatement,
  { supersedes }: SupersedeRecord,
  statements: readonly ProvenStatement[],
): readonly ProvenStatement[] {
  const others = statements.filter((each) => each !== supersede && each.index === supersedes);
  const earlierHere = others.filter(({ log, index }) => log.origin === supersede.log.origin && index < supersede.index);
  if (earlierHere.length > 0) return earlierHere;
  const isFirstHere = !statements.some(
    ({ log, index }) => log.origin === supersede.log.origin && index < supersede.index,
  );
  return isFirstHere ? others.filter(({ log }) => log.origin !== supersede.log.origin) : [];
}
