import { AssayError, MisbehaviourError, decodeUtf8, isAssayError, parseCheckpoint, parseNote } from "@assay/core";
import type { PackageName, Version, WitnessPolicy } from "@assay/core";
import {
  differenceOf,
  evidenceIn,
  proveDifference,
  proveLookup,
  readLookup,
  trustLog,
  wrongAnswer,
  type Difference,
  type LookedUp,
  type LookupAsked,
  type LookupRefused,
  type ServedRelease,
} from "@assay/verify";
import type { UpstreamClient } from "../../platform/network/network.ts";
import type { Random } from "../../platform/random.ts";
import { parseBlobKey } from "../../platform/blobs/key.ts";
import { remoteOf, remotesOf, setRemoteVisibility, type RemoteRow } from "../store-remotes.ts";
import { sha256 } from "../tile-rows.ts";
import { createRemoteEffects } from "./effects.ts";
import { createIncidents, type IncidentDeps } from "./incidents.ts";
import { createFollowedShards, type FollowedShard } from "./shards.ts";

/** Whose log is followed, and what is asked of it. */
export interface RemoteLogConfig {
  /** Base URL of the database, no trailing slash. */
  readonly url: string;
  /** The pinned key. */
  readonly vkey: string;
  readonly witnesses: WitnessPolicy;
  readonly maxAgeSeconds: number | undefined;
  /** Where authenticated tiles are kept; may be deleted at any time. */
  readonly tileFolder: string;
}

export interface RemoteLogDeps extends IncidentDeps {
  readonly client: UpstreamClient;
  readonly random: Random;
}

/**
 * Somebody else's log, followed by its pinned key, over all shards that this key leads to. Fails closed: what it says
 * is believed only if it leads to a signed, witnessed, young enough tree of one history. After a fork nothing new is
 * believed, for ever.
 */
export interface RemoteLog {
  /** Key of its claims. */
  readonly id: string;
  readonly url: string;

  /** Newest first; at least the one whose key was pinned. */
  shards(): readonly FollowedShard[];

  /**
   * What the log says this version is, proven; it fetches and binds it when it has not yet. Throws LOG_REFUSED (kept
   * as an incident), LOG_UNAVAILABLE, BIND_REFUSED when the log says no.
   */
  lookup(name: PackageName, version: Version): Promise<LookedUp>;

  /** Throws BIND_DIFFERS, and keeps the incident, unless what was served is what the record says. */
  holdAgainst(found: LookedUp, served: ServedRelease): Promise<void>;

  /** Fetches the newest checkpoint, proves it, and looks for shards before and after. Throws LOG_REFUSED, LOG_UNAVAILABLE. */
  update(): Promise<void>;

  /** Takes over what the log's operator says about it. Throws LOG_UNAVAILABLE. */
  learn(): Promise<void>;

  /** Runs what reads a proven tree: what is found wrong with it is kept as an incident, and thrown. */
  reporting<T>(work: () => Promise<T>): Promise<T>;

  /** What is stored about its shards, newest first. */
  state(): Promise<readonly RemoteRow[]>;
}

/** Opens a followed log: its row is made on first use, and nobody is asked. Throws BAD_FORMAT on a vkey that is none. */
export async function openRemoteLog(deps: RemoteLogDeps, config: RemoteLogConfig): Promise<RemoteLog> {
  const { database, blobs } = deps;
  const { url, vkey } = config;
  const pinned = trustLog(vkey);
  const effects = createRemoteEffects(deps, config);
  const incidents = createIncidents(deps);
  const id = (await remoteOf(database.read, vkey))?.log ?? logIdOf(vkey);
  const shards = await createFollowedShards({ ...deps, effects }, { ...config, id });
  const state = (): Promise<readonly RemoteRow[]> => remotesOf(database.read, id);

  async function reporting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const evidence = evidenceIn(error);
      if (evidence !== undefined) await incidents.keep(evidence, trustLog(evidence["vkey"] ?? vkey).origin);
      if (error instanceof MisbehaviourError) await refuseForked(error);
      throw error;
    }
  }

  /** After a fork the log is not asked any more. */
  async function watched<T>(work: () => Promise<T>): Promise<T> {
    await refuseForked();
    return await reporting(work);
  }

  async function refuseForked(cause?: unknown): Promise<void> {
    const row = (await state()).find(({ fork }) => fork !== undefined);
    if (row?.fork === undefined) return;
    const bytes = await blobs.read(parseBlobKey(row.fork));
    const evidence = bytes === undefined ? {} : (JSON.parse(decodeUtf8(bytes)) as Record<string, string>);
    const reason =
      "its key signed two histories that exclude each other; what is bound stays, and nothing new is taken from it";
    throw new AssayError("LOG_REFUSED", { origin: row.origin, kind: "fork", reason, evidence }, { cause });
  }

  /** The shard that an answer is of. */
  async function shardOf(asked: LookupAsked): Promise<FollowedShard> {
    const { note } = readLookup(pinned, asked);
    const origin = originIn(note);
    const find = (): FollowedShard | undefined => shards.all().find((shard) => shard.origin === origin);
    if (find() === undefined) await shards.update();
    const shard = find();
    if (shard !== undefined) return shard;
    const stranger = origin ?? "no log at all";
    const reason = `its answer is of ${stranger}, which ${pinned.origin} does not lead to; if the log was restored from a backup, pin its new key once its operator has told you so`;
    throw wrongAnswer(pinned, asked, reason);
  }

  async function prove(asked: LookupAsked): Promise<LookedUp> {
    const { follower } = await shardOf(asked);
    const newest = shards.all()[0]?.follower ?? follower;
    const tree = follower === newest ? undefined : await follower.newest();
    if (tree === undefined) return await follower.prove(asked);
    // A shard that has ended has no young checkpoint any more; that the log lives is for its newest one to show.
    await newest.fresh();
    return await proveLookup({ sha256 }, tree, { ...asked, answer: readLookup(follower.log, asked) });
  }

  return {
    id,
    url,
    shards: () => shards.all(),
    state,
    reporting,

    update: () => watched(() => shards.update()),

    lookup: (name, version) =>
      watched(async () => {
        const about = { name, version, origin: pinned.origin };
        const answer = await effects.fetchLookup(pinned, name, version);
        if (answer.outcome === "refused") throw said(answer, { ...about, url });
        const found = await prove({ name, version, body: answer.body });
        const { ns } = found.record;
        if (ns === publicNamespace) return found;
        throw new AssayError("BIND_REFUSED", { ...about, reason: `its record is of the namespace ${ns}` });
      }),

    async holdAgainst(found, served) {
      const difference = differenceOf(found.record, served);
      if (difference === undefined) return;
      const { index, record, tree } = found;
      const { name, version } = record;
      await incidents.keep(await proveDifference({ sha256 }, found, served, difference), `npm ${name}@${version}`);
      const { origin } = tree.signed.log;
      const { source } = served;
      throw new AssayError("BIND_DIFFERS", { name, version, origin, index, source, reason: tell(difference) });
    },

    async learn() {
      const rows = await state();
      for (const listed of await effects.listLogs()) {
        const row = rows.find((each) => each.vkey === listed.vkey);
        if (row === undefined || row.visibility === listed.visibility) continue;
        await database.write((transaction) => setRemoteVisibility(transaction, row.vkey, listed.visibility));
      }
    },
  };
}

/** What a note says it is of; undefined when it is no checkpoint. Nothing is believed of it. */
function originIn(note: string): string | undefined {
  try {
    return parseCheckpoint(parseNote(note).text).origin;
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}

/** The naming authority of what this deployment proxies. */
const publicNamespace = "npm";

/** Of one key for ever, and apart from the names of logs of this deployment. */
function logIdOf(vkey: string): string {
  return `remote:${Buffer.from(sha256(Buffer.from(vkey))).toString("hex", 0, 8)}`;
}

/** Statuses with which a log says that it cannot answer now. */
const passing: ReadonlySet<number> = new Set([408, 421, 429, 500, 503, 504]);

function said(
  { status, reason }: LookupRefused,
  asked: { readonly name: string; readonly version: string; readonly origin: string; readonly url: string },
): AssayError {
  const { url, ...about } = asked;
  const sentence = reason.replace(/\.$/, "");
  return passing.has(status)
    ? new AssayError("LOG_UNAVAILABLE", { url, reason: sentence })
    : new AssayError("BIND_REFUSED", { ...about, reason: sentence });
}

function tell({ field, bound, served }: Difference): string {
  return `${field} ${served} instead of ${bound}`;
}

/** True for what a followed log is refused for, or cannot answer: nothing is wrong with this deployment. */
export function isRemoteFailure(error: unknown): error is AssayError<"LOG_REFUSED" | "LOG_UNAVAILABLE"> {
  return isAssayError(error, "LOG_REFUSED") || isAssayError(error, "LOG_UNAVAILABLE");
}
