import type { ProvenTree } from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { recordsInProof } from "./evidence.ts";
import type { Findings } from "./findings.ts";
import type { Expected } from "./scopes.ts";
import { closeOwnBinds, openOwnBinds, type OwnBind } from "./store-own.ts";

export interface OwnDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly findings: Findings;
  /** The newest proven tree of a shard by its vkey. */
  readonly treeOf: (vkey: string) => Promise<ProvenTree | undefined>;
}

/**
 * Holds what the log binds in our scopes against what CI says it published. A release that CI has not told of is given
 * some time, because the log may be quicker; with other bytes than CI's it is reported at once.
 */
export async function checkOwnReleases(deps: OwnDependencies, expected: Expected, graceMs: number): Promise<void> {
  const { database, clock, findings } = deps;
  for (const bind of await openOwnBinds(database.read)) {
    const integrities = expected.get(`${bind.name}@${bind.version}`);
    const isExpected = [...(integrities ?? [])].some((integrity) => integrity === bind.integrity);
    if (!isExpected) {
      if (integrities === undefined && clock.now() - bind.seenAtMs < graceMs) continue;
      const tree = await deps.treeOf(bind.vkey);
      // Its shard is not read just now: next time.
      if (tree === undefined) continue;
      await findings.add({
        rule: integrities === undefined ? "unexpected" : "other-bytes",
        severity: "violation",
        origin: tree.signed.log.origin,
        index: bind.idx,
        sentence: sentenceOf(bind, integrities !== undefined, tree.signed.log.origin),
        evidence: await recordsInProof(tree, [bind.idx]),
      });
    }
    await database.write((transaction) => closeOwnBinds(transaction, [bind]));
  }
}

function sentenceOf(bind: OwnBind, isKnown: boolean, origin: string): string {
  const { name, version, integrity, idx } = bind;
  const what = `The log ${origin} says in entry ${idx} that ${name}@${version} is ${integrity}`;
  return isKnown ? `${what}; CI published other bytes.` : `${what}; CI did not publish such a release.`;
}
