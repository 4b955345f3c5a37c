import { AssayError, MisbehaviourError, decodeUtf8, isAssayError } from "@assay/core";
import type { PackageName, Version, WitnessPolicy } from "@assay/core";
import {
  createFollower,
  differenceOf,
  evidenceIn,
  proveDifference,
  trustLog,
  type Difference,
  type LookedUp,
  type LookupRefused,
  type ProvenTree,
  type ServedRelease,
} from "@assay/verify";
import type { UpstreamClient } from "../../platform/network/network.ts";
import type { Random } from "../../platform/random.ts";
import { parseBlobKey } from "../../platform/blobs/key.ts";
import { addRemote, remoteOf, setRemoteVisibility, type RemoteRow } from "../store-remotes.ts";
import { sha256 } from "../tile-rows.ts";
import { createRemoteEffects } from "./effects.ts";
import { createIncidents, type IncidentDeps } from "./incidents.ts";

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
 * Somebody else's log, followed by its pinned key. Fails closed: what it says is believed only if it leads to a
 * signed, witnessed, young enough tree of one history. After a fork nothing new is believed, for ever.
 */
export interface RemoteLog {
  /** Key of its claims. */
  readonly id: string;
  readonly origin: string;
  readonly vkey: string;
  readonly url: string;

  /**
   * What the log says this version is, proven; it fetches and binds it when it has not yet. Throws LOG_REFUSED (kept
   * as an incident), LOG_UNAVAILABLE, BIND_REFUSED when the log says no.
   */
  lookup(name: PackageName, version: Version): Promise<LookedUp>;

  /** Throws BIND_DIFFERS, and keeps the incident, unless what was served is what the record says. */
  holdAgainst(found: LookedUp, served: ServedRelease): Promise<void>;

  /** Fetches the newest checkpoint and proves it. Throws LOG_REFUSED, LOG_UNAVAILABLE. */
  update(): Promise<ProvenTree>;

  /** The newest proven tree, without asking anybody; undefined before the first. */
  newest(): Promise<ProvenTree | undefined>;

  /** Takes over what the log's operator says about it. Throws LOG_UNAVAILABLE. */
  learn(): Promise<void>;

  /** Runs what reads a proven tree: what is found wrong with it is kept as an incident, and thrown. */
  reporting<T>(work: () => Promise<T>): Promise<T>;

  /** What is stored about it. */
  state(): Promise<RemoteRow>;
}

/** Opens a followed log: its row is made on first use, and nobody is asked. Throws BAD_FORMAT on a vkey that is none. */
export async function openRemoteLog(deps: RemoteLogDeps, config: RemoteLogConfig): Promise<RemoteLog> {
  const { database, blobs, clock } = deps;
  const log = trustLog(config.vkey);
  const { vkey, origin } = log;
  const effects = createRemoteEffects(deps, config);
  const incidents = createIncidents(deps);
  const { witnesses, maxAgeSeconds } = config;
  const follower = createFollower({ sha256, effects, log, policy: { witnesses, maxAgeSeconds } });
  await database.write((transaction) =>
    addRemote(transaction, { vkey, log: logIdOf(vkey), origin, createdAtMs: clock.now() }),
  );
  const { log: id } = await state();

  async function state(): Promise<RemoteRow> {
    const row = await remoteOf(database.read, vkey);
    if (row === undefined)
      throw new AssayError("DATABASE", { reason: `the row of the followed log ${origin} is gone` });
    return row;
  }

  async function reporting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const evidence = evidenceIn(error);
      if (evidence !== undefined) await incidents.keep(evidence, origin);
      if (!(error instanceof MisbehaviourError)) throw error;
      const { fork } = await state();
      throw fork === undefined ? error : await forked(fork, error);
    }
  }

  /** After a fork the log is not asked any more. */
  async function watched<T>(work: () => Promise<T>): Promise<T> {
    const { fork } = await state();
    if (fork !== undefined) throw await forked(fork);
    return await reporting(work);
  }

  async function forked(key: string, cause?: unknown): Promise<AssayError<"LOG_REFUSED">> {
    const bytes = await blobs.read(parseBlobKey(key));
    const evidence = bytes === undefined ? {} : (JSON.parse(decodeUtf8(bytes)) as Record<string, string>);
    const reason =
      "its key signed two histories that exclude each other; what is bound stays, and nothing new is taken from it";
    return new AssayError("LOG_REFUSED", { origin, kind: "fork", reason, evidence }, { cause });
  }

  return {
    id,
    origin,
    vkey,
    url: config.url,
    state,
    reporting,
    newest: () => follower.newest(),
    update: () => watched(() => follower.update()),

    lookup: (name, version) =>
      watched(async () => {
        const found = await follower.lookup(name, version);
        if (!("record" in found)) throw said(found, { name, version, origin, url: config.url });
        const { ns } = found.record;
        if (ns === publicNamespace) return found;
        throw new AssayError("BIND_REFUSED", { name, version, origin, reason: `its record is of the namespace ${ns}` });
      }),

    async holdAgainst(found, served) {
      const difference = differenceOf(found.record, served);
      if (difference === undefined) return;
      const { name, version } = found.record;
      await incidents.keep(await proveDifference({ sha256 }, found, served, difference), `npm ${name}@${version}`);
      const { source } = served;
      throw new AssayError("BIND_DIFFERS", {
        name,
        version,
        origin,
        index: found.index,
        source,
        reason: tell(difference),
      });
    },

    async learn() {
      const listed = (await effects.listLogs()).find((each) => each.vkey === vkey);
      if (listed === undefined || listed.visibility === (await state()).visibility) return;
      await database.write((transaction) => setRemoteVisibility(transaction, vkey, listed.visibility));
    },
  };
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
