import { noWitnesses, openWitnessed, parsePolicy } from "@assay/core";
import {
  createFollower,
  createHttpFollowEffects,
  noTileCache,
  quorumTime,
  trustLog,
  type FollowEffects,
  type ProvenTree,
} from "@assay/verify";
import type { FollowedLogConfig } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { UpstreamClient } from "../../platform/network/network.ts";
import { remoteOf, remotesOf, type RemoteRow } from "../store-remotes.ts";
import { sha256 } from "../tile-rows.ts";
import { fetchOver } from "./effects.ts";

/** What a look at the followed log shows. */
export interface FollowedLogCheck {
  readonly origin: string;
  readonly size: number;
  /** Entries of the newest tree that was proven before; undefined when none was. */
  readonly seen: number | undefined;
  /** How long ago a quorum of its witnesses signed, by their clocks; undefined where none is asked for. */
  readonly ageSeconds: number | undefined;
}

/** Blob of the evidence that the followed log forked; undefined while it did not. */
export async function forkOf(reader: Reader, followed: FollowedLogConfig): Promise<string | undefined> {
  return (await shardsOf(reader, followed.vkey)).find(({ fork }) => fork !== undefined)?.fork;
}

/**
 * Fetches the newest checkpoint of the followed log and holds it against what was seen, as the server does, for
 * `assay doctor`: changes nothing. `reader` undefined: nothing is stored yet.
 * Throws MisbehaviourError, LOG_REFUSED, LOG_UNAVAILABLE.
 */
export async function checkFollowedLog(
  deps: { readonly client: UpstreamClient; readonly clock: Clock; readonly reader: Reader | undefined },
  followed: FollowedLogConfig,
): Promise<FollowedLogCheck> {
  const { client, clock, reader } = deps;
  const shards = reader === undefined ? [] : await shardsOf(reader, followed.vkey);
  const [newest] = shards;
  const log = trustLog(newest?.vkey ?? followed.vkey);
  const witnesses = followed.witnesses === undefined ? noWitnesses : parsePolicy(followed.witnesses);
  const sleep = (ms: number): Promise<void> => clock.sleep(ms);
  let held = newest?.note;
  const effects: FollowEffects = {
    ...createHttpFollowEffects({ fetch: fetchOver(client), sleep, attempts: 1, registry: followed.url }),
    ...noTileCache,
    readCheckpoint: async () => held,
    async swapCheckpoint(_vkey, _previous, next) {
      held = next;
      return true;
    },
    nowSeconds: () => Math.floor(clock.now() / 1000),
    sleep,
  };
  const policy = { witnesses, maxAgeSeconds: followed.maxAgeSeconds };
  const follower = createFollower({ sha256, effects, log, policy });
  const before = await follower.newest();
  const tree = await follower.update();
  const { cosignatures } = await openWitnessed(tree.signed.note, {
    ...witnesses,
    logs: [{ vkey: log.vkey, url: undefined }],
  });
  const time = witnesses.quorum === "none" ? undefined : quorumTime(witnesses, cosignatures);
  return {
    origin: log.origin,
    size: sizeOf(tree),
    seen: before && sizeOf(before),
    ageSeconds: time === undefined ? undefined : effects.nowSeconds() - time,
  };
}

/** Newest first; none before the first contact. */
async function shardsOf(reader: Reader, vkey: string): Promise<readonly RemoteRow[]> {
  const pinned = await remoteOf(reader, vkey);
  return pinned === undefined ? [] : await remotesOf(reader, pinned.log);
}

function sizeOf(tree: ProvenTree): number {
  return tree.signed.checkpoint.size;
}
