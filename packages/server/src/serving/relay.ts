import { buffer } from "node:stream/consumers";
import { AssayError } from "@assay/core";
import type { RelayRequest, Upstreams } from "../upstreams/upstreams.ts";

/** A small JSON document of an upstream, as it came and as it reads. */
export interface RelayedJson {
  readonly bytes: Buffer;
  readonly value: unknown;
}

/**
 * What the upstream `source` answers, or undefined when it has no such endpoint. Throws UPSTREAM_BAD_ANSWER for
 * anything that is not JSON, and what `Upstreams.relay` throws when it cannot be reached.
 */
export async function relayJson(
  upstreams: Pick<Upstreams, "relay">,
  source: string,
  request: RelayRequest,
): Promise<RelayedJson | undefined> {
  const headers = { accept: "application/json", ...request.headers };
  const answer = await upstreams.relay(source, { ...request, headers });
  const bytes = await buffer(answer.body);
  if (answer.status >= 400 && answer.status < 500) return undefined;
  if (answer.status !== 200) {
    const reason = `status ${answer.status} for ${request.path}`;
    throw new AssayError("UPSTREAM_BAD_ANSWER", { source, reason });
  }
  try {
    return { bytes, value: JSON.parse(bytes.toString("utf8")) as unknown };
  } catch (cause) {
    throw new AssayError("UPSTREAM_BAD_ANSWER", { source, reason: `${request.path} is not JSON` }, { cause });
  }
}
