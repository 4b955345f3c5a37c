import { decodeUtf8, isAssayError, parseJson, parseVkey } from "@assay/core";
import { maxLookupBytes } from "./follow/effects.ts";
import { createHttpFollowEffects } from "./follow/http-effects.ts";
import { isObject, printable, send, sentenceOf, unavailable, type RequestDeps } from "./http-request.ts";
import { lookupPath } from "./log-url.ts";
import { maxBundleBytes, type LogClientEffects, type LookupOutcome } from "./log-client-effects.ts";

/** What the HTTP side of the log client needs. */
export interface HttpDeps extends RequestDeps {
  /** Base URL of the registry, no trailing slash. */
  readonly registry: string;
}

/** A log as the registry lists it. Nothing in here is trusted. */
export interface ListedLog {
  /** `npm`, or `org:<name>` for that of an organisation. */
  readonly log: string;
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  readonly state: string;
  /** Who may read its records, as its operator says. */
  readonly visibility: "private" | "public";
}

const maxListBytes = 1_048_576;
const bundleTimeoutMs = 120_000;
/** A lookup may download and inspect a large tarball first. */
const lookupTimeoutMs = 300_000;
const tileTimeoutMs = 30_000;

/** The effects of the log client over HTTP, all but the stored checkpoints. Answers 429 and 503 are tried again as `Retry-After` says. */
export function createHttpEffects(deps: HttpDeps): Pick<LogClientEffects, "postBundle" | "lookup" | "fetchTile"> {
  return {
    async postBundle(request) {
      const url = `${deps.registry}/-/log/bundle`;
      const answer = await send(deps, url, maxBundleBytes, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: request,
        timeoutMs: bundleTimeoutMs,
      });
      if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
      return answer.body;
    },

    async lookup(name, version): Promise<LookupOutcome> {
      const url = `${deps.registry}/-/log/lookup/${lookupPath(name, version)}`;
      const answer = await send(deps, url, maxLookupBytes, { timeoutMs: lookupTimeoutMs });
      return answer.status === 200 ? { outcome: "bound" } : { outcome: "refused", reason: sentenceOf(answer) };
    },

    fetchTile: createHttpFollowEffects(deps).fetchTile,
  };
}

/** What the registry says its logs are, newest first; for showing to people. Throws LOG_UNAVAILABLE. */
export async function listLogs(deps: HttpDeps): Promise<readonly ListedLog[]> {
  const url = `${deps.registry}/-/log/`;
  const answer = await send(deps, url, maxListBytes, { timeoutMs: tileTimeoutMs });
  if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
  try {
    const { value } = parseJson(decodeUtf8(answer.body));
    const logs = isObject(value) ? value["logs"] : undefined;
    if (!Array.isArray(logs)) throw unavailable(url, "its answer has no list of logs");
    return logs.map((log: unknown) => readListedLog(log, url));
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) throw unavailable(url, error.message, error);
    throw error;
  }
}

function readListedLog(log: unknown, url: string): ListedLog {
  const { log: of, shard, origin, vkey, state, visibility } = isObject(log) ? log : {};
  if (typeof shard !== "string" || typeof origin !== "string" || typeof vkey !== "string" || typeof state !== "string")
    throw unavailable(url, "a log in its list lacks shard, origin, vkey or state");
  // Also keeps what is printed free of control characters.
  if (parseVkey(vkey).name !== origin) throw unavailable(url, "a log's vkey is not of its origin");
  return {
    log: typeof of === "string" ? printable(of) : "npm",
    shard: printable(shard),
    origin,
    vkey,
    state: printable(state),
    visibility: visibility === "public" ? "public" : "private",
  };
}
