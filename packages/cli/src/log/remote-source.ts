import {
  encodeUtf8,
  formatTlogProof,
  logIndex,
  namesSuccessor,
  parseBundle,
  parseJson,
  parseRecord,
  proveInclusion,
  toBase64,
} from "@assay/core";
import { createFollower, createHttpEffects, evidenceIn, listLogs, type Follower, type ProvenTree } from "@assay/verify";
import { sha256 } from "@assay/verify/node";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryHttp, registryUrl } from "../npm-registry.ts";
import { followEffects } from "../trust/follow-effects.ts";
import { howToTrust } from "../trust/how-to-trust.ts";
import { keepEvidence } from "../verify/evidence-file.ts";
import { policyFor } from "../verify/policy.ts";
import type { LogSource, ShardOfSource } from "./source.ts";

interface RemoteOptions {
  readonly url: string;
  readonly trust: readonly string[] | undefined;
  readonly state: string | undefined;
  readonly log: string;
}

/** A followed shard with the newest tree that was proven. */
interface Followed {
  readonly follower: Follower;
  tree: ProvenTree | undefined;
}

/**
 * The log of another registry: every tree is held against the last one seen, every record leads to a signed root.
 * Evidence of misbehaviour is kept as a file. Throws USAGE when no key is trusted that the registry has.
 */
export async function openRemoteSource(
  context: CliContext,
  { url, trust, state, log: wanted }: RemoteOptions,
): Promise<LogSource> {
  const registry = await registryUrl(context, url);
  const http = await registryHttp(context, registry);
  const policy = await policyFor(context.cwd, trust === undefined ? {} : { trust });
  if (policy === undefined) throw wrongUse(await howToTrust(http));
  const effects = followEffects(context, http, state);
  const followed = new Map<string, Followed>();
  const untrusted = new Set<string>();

  async function listShards(): Promise<readonly ShardOfSource[]> {
    const shards: ShardOfSource[] = [];
    for (const listed of await listLogs(http)) {
      if (listed.log !== wanted) continue;
      const log = policy?.logs.find(({ vkey }) => vkey === listed.vkey);
      if (log === undefined || policy === undefined) {
        if (!untrusted.has(listed.vkey))
          context.stderr.write(`assay: ${listed.shard} is not trusted and not read: ${listed.vkey}\n`);
        untrusted.add(listed.vkey);
        continue;
      }
      shards.push(listed);
      if (!followed.has(listed.shard))
        followed.set(listed.shard, { follower: createFollower({ sha256, effects, log, policy }), tree: undefined });
    }
    return shards;
  }
  if ((await listShards()).length === 0) throw wrongUse(await howToTrust(http));

  async function update(shard: string): Promise<ProvenTree> {
    const one = followed.get(shard);
    if (one === undefined) throw wrongUse(`${registry} has no trusted log ${shard}.`);
    one.tree = await keeping(context, one.follower.update());
    return one.tree;
  }

  async function treeOf(shard: string): Promise<ProvenTree> {
    return followed.get(shard)?.tree ?? (await update(shard));
  }

  return {
    shards: listShards,
    async head(shard) {
      const { size, root } = (await update(shard)).signed.checkpoint;
      return { size, root: toBase64(root) };
    },

    async *records(shard, from, to) {
      const tree = await treeOf(shard);
      yield* kept(context, tree.readRecords(from, Math.min(to, tree.signed.checkpoint.size)));
    },

    async placesOf(name, version) {
      const bytes = await createHttpEffects(http).postBundle(JSON.stringify({ entries: [{ name, version }] }));
      const { bundles } = parseBundle(parseJson(new TextDecoder().decode(bytes)).value);
      const shards = await listShards();
      // Where to look; what stands there is read from the tree.
      return bundles.toReversed().flatMap(({ origin, records }) => {
        const shard = shards.find((each) => each.origin === origin)?.shard;
        const about = records.filter(({ text }) => !namesSuccessor(parseRecord(text)));
        return shard === undefined ? [] : about.map(({ index }) => ({ shard, index }));
      });
    },

    async prove({ shard, index }) {
      const tree = await treeOf(shard);
      const { size } = tree.signed.checkpoint;
      if (index >= size) return undefined;
      const { text } = await keeping(context, tree.readRecord(index));
      const proof = await keeping(context, proveInclusion(sha256, size, index, tree.hashes));
      const checkpoint = tree.signed.note;
      return { text, proof: formatTlogProof({ extra: encodeUtf8(text), index: logIndex(index), proof, checkpoint }) };
    },

    [Symbol.asyncDispose]: async () => {},
  };
}

/** Evidence is kept before an error is told. */
async function keeping<T>(context: CliContext, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const evidence = evidenceIn(error);
    if (evidence !== undefined) await keepEvidence(context, evidence);
    throw error;
  }
}

async function* kept<T>(context: CliContext, items: AsyncGenerator<T, void, undefined>): AsyncGenerator<T> {
  for (;;) {
    const { done, value } = await keeping(context, items.next());
    if (done === true) return;
    yield value;
  }
}
