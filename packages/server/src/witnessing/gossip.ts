import { hash } from "node:crypto";
import {
  AssayError,
  MisbehaviourError,
  decodeUtf8,
  equalBytes,
  formatFork,
  isAssayError,
  isPossibleRoot,
} from "@assay/core";
import { parseCheckpoint, parseNote, verifier, type NoteVerifier, type Sha256 } from "@assay/core";
import { anyCheckpoint, createFollower, evidenceIn, noTileCache, trustLog } from "@assay/verify";
import type { Consistency, Follower, FollowEffects } from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { SignedTree } from "./judge.ts";
import { openShown } from "./open-shown.ts";
import { createPace } from "./pace.ts";
import { forgetShown, gossipNewest, keepShown, keptOrigins, keptShown, swapGossipNewest } from "./store-gossip.ts";

/** Compares checkpoints that anybody shows with what is known here: docs/formats/gossip.md. */
export interface Gossip {
  /**
   * Judges one signed note. What is remembered is durable on return.
   * Throws BAD_FORMAT (400), FORBIDDEN (403), NOT_FOUND (404), TOO_MANY_REQUESTS (429).
   */
  receive(body: Uint8Array): Promise<GossipAnswer>;
  /** Compares what was kept and could not be compared when it came. */
  compareKept(): Promise<void>;
  /** `compareKept` every minute, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export type GossipAnswer =
  | { readonly status: 200; readonly origin: string; readonly size: number; readonly state: "same" | "older" | "newer" }
  | { readonly status: 202; readonly origin: string; readonly size: number; readonly state: "kept" }
  /** The document `assay-fork/v1`. */
  | { readonly status: 409; readonly fork: string };

/** A log that is known here. */
export interface GossipLog {
  readonly vkey: string;
  /** The newest signed checkpoint that is known to be of it by other means than gossip. */
  readonly newest: () => Promise<string | undefined>;
  /** Tiles for proofs; undefined: there are none to be had, and only trees of one size can be compared. */
  readonly fetchTile: FollowEffects["fetchTile"] | undefined;
  /** A signed checkpoint of this size that was known before, where one is remembered. Asked where there are no tiles. */
  readonly atSize?: (size: number) => Promise<string | undefined>;
}

export interface GossipDependencies {
  /** With `gossipMigrations` run. */
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly find: (origin: string) => Promise<GossipLog | undefined>;
  /** Keeps the evidence of a fork (`assay-fork/v1`) and raises the alarm; durable on return. */
  readonly keepFork: (log: { readonly origin: string; readonly vkey: string }, fork: string) => Promise<void>;
}

/** Largest body. */
export const maxGossipBytes: number = 64 * 1024;
/** Signed checkpoints of one log that are judged in a minute. */
const perMinute = 600;
/** Checkpoints of one log that wait to be compared. */
const mostKept = 1000;
const compareEveryMs = 60_000;

const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

interface Known extends GossipLog {
  readonly origin: string;
  readonly verifier: NoteVerifier;
}

export function createGossip(deps: GossipDependencies): Gossip {
  const { database, clock, telemetry } = deps;
  const pace = createPace({ clock }, { perMinute });
  const waiting = telemetry.metrics.gauge(
    "assay_gossip_waiting",
    "Signed checkpoints that somebody showed and that cannot be compared. Above 0 for long is an alarm.",
    ["origin"],
  );
  const followers = new Map<string, { readonly follower: Follower; held: string | undefined }>();

  async function find(origin: string): Promise<Known | undefined> {
    const log = await deps.find(origin);
    return log && { ...log, origin, verifier: await verifier(log.vkey) };
  }

  function followerOf(
    log: Known,
    fetchTile: FollowEffects["fetchTile"],
  ): { readonly follower: Follower; held: string | undefined } {
    const known = followers.get(log.vkey);
    if (known !== undefined) return known;
    const follower = createFollower({
      sha256,
      effects: gossipEffects(deps, fetchTile),
      log: trustLog(log.vkey),
      policy: anyCheckpoint,
    });
    const made = { follower, held: undefined };
    followers.set(log.vkey, made);
    return made;
  }

  /** Holds the newest of our own first, then what was shown. Throws as `Follower.hold`. */
  async function compare(log: Known, tree: SignedTree): Promise<Consistency> {
    const { fetchTile } = log;
    if (fetchTile === undefined) return await compareSameSize(log, tree);
    const state = followerOf(log, fetchTile);
    const own = await log.newest();
    if (own !== undefined && own !== state.held) {
      await state.follower.hold(own);
      state.held = own;
    }
    return await state.follower.hold(tree.note);
  }

  /** The document against the log when it forked; undefined when the two cannot be compared now. */
  async function outcomeOf(log: Known, tree: SignedTree): Promise<Consistency | { readonly fork: string } | undefined> {
    try {
      return await compare(log, tree);
    } catch (error) {
      const fork = error instanceof MisbehaviourError ? evidenceIn(error)?.["fork"] : undefined;
      if (fork !== undefined) {
        await deps.keepFork(log, fork);
        return { fork };
      }
      // What is served proves nothing now, in whichever way: that accuses nobody.
      if (isAssayError(error, "LOG_UNAVAILABLE") || isAssayError(error, "LOG_REFUSED")) return undefined;
      throw error;
    }
  }

  async function sizeKnown(log: Known): Promise<number> {
    const notes = [await log.newest(), await gossipNewest(database.read, log.vkey)];
    return Math.max(0, ...notes.map((note) => (note === undefined ? 0 : parseCheckpoint(parseNote(note).text).size)));
  }

  async function keep(log: Known, tree: SignedTree): Promise<GossipAnswer> {
    const { origin } = log;
    const at = { receivedAtMs: clock.now(), most: mostKept };
    const isKept = await database.write((transaction) => keepShown(transaction, tree, at));
    if (!isKept) throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: compareEveryMs / 1000 });
    telemetry.log.warn("a signed checkpoint was shown that cannot be compared; it is kept", {
      "log.origin": origin,
      "log.size": tree.size,
    });
    await count(origin);
    return { status: 202, origin, size: await sizeKnown(log), state: "kept" };
  }

  async function count(origin: string): Promise<void> {
    waiting.set((await keptShown(database.read, origin)).length, { origin });
  }

  async function compareKept(): Promise<void> {
    for (const origin of await keptOrigins(database.read)) {
      const log = await find(origin);
      for (const shown of log === undefined ? [] : await keptShown(database.read, origin))
        if (log !== undefined && (await outcomeOf(log, shown)) !== undefined)
          await database.write((transaction) => forgetShown(transaction, shown));
      await count(origin);
    }
  }

  return {
    compareKept,

    async receive(body) {
      const { log, tree } = await openShown(find, decodeUtf8(body));
      if (!isPossibleRoot(tree))
        throw new AssayError("BAD_FORMAT", { what: "The checkpoint", reason: "an empty log has no such root" });
      pace.count(log.origin);
      const outcome = await outcomeOf(log, tree);
      if (outcome === undefined) return await keep(log, tree);
      if (typeof outcome === "object") return { status: 409, fork: outcome.fork };
      const state = outcome === "same" || outcome === "older" ? outcome : "newer";
      return { status: 200, origin: log.origin, size: await sizeKnown(log), state };
    },

    async run(signal) {
      while (!signal.aborted) {
        await compareKept().catch((error: unknown) => telemetry.log.error("kept gossip was not compared", { error }));
        await clock.sleep(compareEveryMs, signal).catch(() => {});
      }
    },
  };
}

/** Without tiles only trees of one size can be compared. Throws LOG_UNAVAILABLE and MisbehaviourError. */
async function compareSameSize({ origin, vkey, newest, atSize }: Known, tree: SignedTree): Promise<Consistency> {
  const known = await atSize?.(tree.size);
  if (known === undefined) throw unavailable(origin);
  const { root } = parseCheckpoint(parseNote(known).text);
  if (equalBytes(root, tree.root)) return known === (await newest()) ? "same" : "older";
  const fork = formatFork({ smaller: tree.note, larger: known, root, proof: [] });
  throw new MisbehaviourError(`The log ${origin} signed two trees of one size.`, { kind: "fork", vkey, fork });
}

/** Tiles from where the log's are, nothing kept of them, the newest proven checkpoint in a row. */
function gossipEffects(
  { database, clock }: Pick<GossipDependencies, "database" | "clock">,
  fetchTile: FollowEffects["fetchTile"],
): FollowEffects {
  return {
    ...noTileCache,
    fetchTile,
    fetchCheckpoint: ({ origin }) => Promise.reject(unavailable(origin)),
    fetchLookup: ({ origin }) => Promise.reject(unavailable(origin)),
    readCheckpoint: (vkey) => gossipNewest(database.read, vkey),
    swapCheckpoint: (vkey, previous, next) =>
      database.write((transaction) => swapGossipNewest(transaction, vkey, previous, next)),
    nowSeconds: () => Math.floor(clock.now() / 1000),
    sleep: (ms) => clock.sleep(ms),
  };
}

function unavailable(origin: string): AssayError<"LOG_UNAVAILABLE"> {
  return new AssayError("LOG_UNAVAILABLE", { url: origin, reason: "nobody is asked about it here" });
}
