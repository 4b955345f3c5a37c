import { isAssayError, toBase64, type PackageName, type Sha256, type Version } from "@assay/core";
import { openBundlePart, readBundle, type RefusedBundle } from "./bundle-opening.ts";
import { noTileCache } from "./follow/effects.ts";
import { rollbackPausesMs } from "./follow/follower.ts";
import { mergeCheckpoint, openStored, rolledBack, type MergeDeps } from "./follow/merge.ts";
import { openCheckpoint } from "./follow/signed-checkpoint.ts";
import type { LogClientEffects } from "./log-client-effects.ts";
import type { CheckpointReport } from "./report.ts";
import type { ProvenStatement } from "./standing.ts";
import { decidesName, type TrustPolicy } from "./trust.ts";

/**
 * The client side of the checksum database: asks for proofs, believes only what leads to a checkpoint that a
 * trusted key signed, and only if that checkpoint and the newest one seen before are of one history.
 */
export interface LogClient {
  /**
   * Asks for one bundle over all these packages and opens it. A log that shows a smaller tree than was seen before is
   * asked again for some seconds, then LOG_REFUSED (`rolled-back`, with both checkpoints) is thrown.
   */
  ask(packages: readonly PackageKey[]): Promise<BundleView>;

  /** Opens a bundle from elsewhere. `offline`: nothing is fetched, so a checkpoint of another size is not compared. */
  open(bytes: Uint8Array, options: { readonly offline: boolean }): Promise<BundleView>;

  /**
   * Has the registry look these packages up, and so bind them, 8 at a time. Answers why, by `name@version`, for
   * those that it did not; one that fails never stops the others.
   */
  lookUp(
    packages: readonly PackageKey[],
    onProgress: (progress: LookupProgress) => void,
  ): Promise<ReadonlyMap<string, string>>;
}

export interface PackageKey {
  readonly name: PackageName;
  readonly version: Version;
}

/** How far the lookups are: `done` of `total` have an answer, the last one `latest`. */
export interface LookupProgress {
  readonly done: number;
  readonly total: number;
  readonly latest: string;
}

/** What a bundle proves. */
export interface BundleView {
  /** By `<name>@<version>`: everything that is said of a version by the trusted logs that decide its name. */
  readonly statements: ReadonlyMap<string, readonly ProvenStatement[]>;
  readonly checkpoints: readonly CheckpointReport[];
  readonly refused: readonly RefusedBundle[];
  /** The bundle as it came, for offline use. */
  readonly bytes: Uint8Array;
}

const lookupsAtOnce = 8;

/** A client over these effects that trusts the logs of this policy and no other. Methods throw as `openBundlePart` and `mergeCheckpoint` say. */
export function createLogClient(deps: {
  readonly sha256: Sha256;
  readonly effects: LogClientEffects;
  readonly policy: Pick<TrustPolicy, "logs" | "witnesses" | "maxAgeSeconds">;
}): LogClient {
  const { effects, sha256, policy } = deps;
  const merging: MergeDeps = { sha256, effects: { ...effects, ...noTileCache }, memory: new Map() };

  async function open(bytes: Uint8Array, options: { readonly offline: boolean }): Promise<BundleView> {
    const statements = new Map<string, ProvenStatement[]>();
    const checkpoints: CheckpointReport[] = [];
    const refused: RefusedBundle[] = [];
    const tiles = options.offline ? undefined : merging;
    const opening = { sha256, policy, nowSeconds: effects.nowSeconds(), tiles };
    for (const part of readBundle(bytes).bundles) {
      const opened = await openBundlePart(opening, part);
      if ("reason" in opened) {
        refused.push(opened);
        continue;
      }
      const { signed, cosignatures, age } = opened;
      const successor = opened.successor === undefined ? undefined : named(opened.successor);
      const consistency = await mergeCheckpoint(merging, signed, options);
      const { origin, size, root } = signed.checkpoint;
      const { note } = signed;
      checkpoints.push({ origin, size, root: toBase64(root), consistency, note, cosignatures, age, successor });
      for (const each of opened.statements) {
        const { name, version } = each.record;
        if (!decidesName(policy.logs, signed.log, each.record)) continue;
        const key = `${name}@${version}`;
        const known = statements.get(key);
        if (known === undefined) statements.set(key, [each]);
        else known.push(each);
      }
    }
    return { statements, checkpoints, refused, bytes };
  }

  function named(origin: string): CheckpointReport["successor"] {
    return { origin, trusted: policy.logs.some((log) => log.origin === origin) };
  }

  /** What is answered, or the refusal of an old state. */
  async function askOnce(request: string): Promise<BundleView | Error> {
    try {
      const view = await open(await effects.postBundle(request), { offline: false });
      const old = view.checkpoints.find(({ consistency }) => consistency === "older");
      return old === undefined ? view : await replayed(old);
    } catch (error) {
      if (isAssayError(error, "LOG_REFUSED") && error.details.kind === "rolled-back") return error;
      throw error;
    }
  }

  async function replayed({ origin, note }: CheckpointReport): Promise<Error> {
    const log = policy.logs.find((each) => each.origin === origin);
    const newest = log === undefined ? undefined : await effects.readCheckpoint(log.vkey);
    if (log === undefined || newest === undefined) return new Error(`the state of ${origin} was removed meanwhile`);
    return rolledBack(await openCheckpoint(log, note), await openStored(log, newest), "");
  }

  return {
    open,

    async ask(packages) {
      const request = JSON.stringify({ entries: packages.map(({ name, version }) => ({ name, version })) });
      // One server of several may lag behind by seconds; whoever stays behind shows an old state.
      for (const pauseMs of rollbackPausesMs) {
        const answer = await askOnce(request);
        if (!(answer instanceof Error)) return answer;
        await effects.sleep(pauseMs);
      }
      const last = await askOnce(request);
      if (last instanceof Error) throw last;
      return last;
    },

    async lookUp(packages, onProgress) {
      const reasons = new Map<string, string>();
      const waiting = packages.values();
      let done = 0;
      const worker = async (): Promise<void> => {
        // One iterator shared by all workers: each package is taken once.
        for (const { name, version } of waiting) {
          const latest = `${name}@${version}`;
          const reason = await reasonNotBound(effects, name, version);
          if (reason !== undefined) reasons.set(latest, reason);
          done += 1;
          onProgress({ done, total: packages.length, latest });
        }
      };
      await Promise.all(Array.from({ length: lookupsAtOnce }, worker));
      return reasons;
    },
  };
}

async function reasonNotBound(
  effects: Pick<LogClientEffects, "lookup">,
  name: PackageName,
  version: Version,
): Promise<string | undefined> {
  try {
    const answer = await effects.lookup(name, version);
    return answer.outcome === "refused" ? answer.reason : undefined;
  } catch (error) {
    if (!isAssayError(error, "LOG_UNAVAILABLE")) throw error;
    return error.message;
  }
}
