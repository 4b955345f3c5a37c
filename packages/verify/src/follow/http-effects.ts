import { decodeUtf8, maxNoteBytes } from "@assay/core";
import { send, sentenceOf, unavailable, type RequestDeps } from "../http-request.ts";
import { logUrl, lookupPath } from "../log-url.ts";
import { maxEntriesBytes, maxLookupBytes, maxTileBytes, type FollowEffects } from "./effects.ts";

const checkpointTimeoutMs = 15_000;
const tileTimeoutMs = 30_000;
/** The log may download and inspect a large tarball first. */
const lookupTimeoutMs = 300_000;

/**
 * The follower's reads over HTTP. `registry`: base URL, no trailing slash, under which a log without a URL of its
 * own is served (`/-/log/<shard>`). A checkpoint is asked for past caches.
 */
export function createHttpFollowEffects(
  deps: RequestDeps & { readonly registry: string },
): Pick<FollowEffects, "fetchCheckpoint" | "fetchTile" | "fetchLookup"> {
  return {
    async fetchCheckpoint(log) {
      const url = `${logUrl(deps.registry, log)}/checkpoint`;
      const headers = { "cache-control": "no-cache" };
      const answer = await send(deps, url, maxNoteBytes, { headers, timeoutMs: checkpointTimeoutMs });
      if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
      return textOf(url, answer.body);
    },

    async fetchTile(log, path) {
      const url = `${logUrl(deps.registry, log)}/${path}`;
      const maxBytes = path.startsWith("tile/entries/") ? maxEntriesBytes : maxTileBytes;
      const answer = await send(deps, url, maxBytes, { timeoutMs: tileTimeoutMs });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
      return answer.body;
    },

    async fetchLookup(log, name, version) {
      // Without a shard the right one of a lineage answers.
      const url = `${log.url ?? `${deps.registry}/-/log`}/lookup/${lookupPath(name, version)}`;
      const answer = await send(deps, url, maxLookupBytes, { timeoutMs: lookupTimeoutMs });
      if (answer.status === 200) return { outcome: "answered", body: textOf(url, answer.body) };
      return { outcome: "refused", status: answer.status, reason: sentenceOf(answer) };
    },
  };
}

/** Throws LOG_UNAVAILABLE on bytes that are no text. */
function textOf(url: string, bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw unavailable(url, "its answer is not UTF-8", error);
  }
}
