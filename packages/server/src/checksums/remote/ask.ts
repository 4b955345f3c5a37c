import { logIndex, type LogIndex, type PackageName, type Version } from "@assay/core";
import type { LookedUp } from "@assay/verify";
import type { AskedLog } from "../checksums.ts";
import type { RemoteLog } from "./log.ts";

/** More replacements of one version than anybody approves; what is beyond is not kept here. */
const longestChain = 64;

/** Asks a followed log, and calls `proven` once its answer is in its newest tree. */
export function askRemote(log: RemoteLog, name: PackageName, version: Version, proven: () => Promise<void>): AskedLog {
  const answer = log.lookup(name, version);
  // Whoever wants the answer gets the failure; an admission that fails before that does not.
  answer.catch(() => {});
  return {
    async holdAgainst(facts) {
      const found = await answer;
      const { sizeBytes, ...served } = facts;
      await log.holdAgainst(found, { ...served, size: sizeBytes });
      const records = await log.reporting(() => chainOf(found));
      await proven();
      return { ...facts, logged: { origin: found.tree.signed.log.origin, records } };
    },
  };
}

interface Placed {
  readonly index: LogIndex;
  readonly text: string;
}

/** The record, and before it what it superseded, as far as that is in the same shard. */
async function chainOf({ index, text, record, tree }: LookedUp): Promise<readonly Placed[]> {
  const chain: Placed[] = [{ index, text }];
  let replaced = record.kind === "supersede" ? record.supersedes : undefined;
  while (replaced !== undefined && replaced < (chain[0]?.index ?? 0) && chain.length < longestChain) {
    const before = await tree.readRecord(replaced);
    const { record: earlier } = before;
    if (earlier.kind !== "bind" && earlier.kind !== "supersede") break;
    if (earlier.name !== record.name || earlier.version !== record.version) break;
    chain.unshift({ index: logIndex(before.index), text: before.text });
    replaced = earlier.kind === "supersede" ? earlier.supersedes : undefined;
  }
  return chain;
}
