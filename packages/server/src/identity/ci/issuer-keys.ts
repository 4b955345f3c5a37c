import { AssayError } from "@assay/core";
import type { JWK } from "jose";
import type { Clock } from "../../platform/clock.ts";
import { NetworkError, networkErrorPhrases, type UpstreamClient } from "../../platform/network/network.ts";
import type { Logger } from "../../platform/telemetry/telemetry.ts";
import type { NamedIssuer } from "./issuers.ts";

/** The public keys of issuers, as they publish them. */
export interface IssuerKeys {
  /**
   * The key with this id; undefined: the issuer has none. Keys are remembered for an hour; one that is not among them
   * is asked for once more, at most twice a minute an issuer. While the issuer does not answer, keys are good for a
   * day. Throws ISSUER_UNAVAILABLE when there are none.
   */
  find(issuer: NamedIssuer, keyId: string): Promise<JWK | undefined>;
}

export interface IssuerKeysDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** By name of the configured issuer. */
  readonly clients: ReadonlyMap<string, UpstreamClient>;
}

interface Remembered {
  readonly keys: ReadonlyMap<string, JWK>;
  /** Monotonic. */
  readonly fetchedMs: number;
}

interface Standing {
  remembered: Remembered | undefined;
  /** Monotonic; of the last attempt, good or not. */
  triedMs: number;
  underWay: Promise<void> | undefined;
  failure: string;
}

const freshMs = 3_600_000;
const outageMs = 86_400_000;
const betweenTriesMs = 30_000;
const mostIssuers = 500;
const mostKeys = 100;
const largestDocument = 256 * 1024;

export function createIssuerKeys({ clock, log, clients }: IssuerKeysDeps): IssuerKeys {
  /** Oldest first. */
  const standings = new Map<string, Standing>();

  function standingOf({ url }: NamedIssuer): Standing {
    const known = standings.get(url);
    const standing = known ?? { remembered: undefined, triedMs: -Infinity, underWay: undefined, failure: "" };
    standings.delete(url);
    standings.set(url, standing);
    const [oldest] = standings.keys();
    if (standings.size > mostIssuers && oldest !== undefined) standings.delete(oldest);
    return standing;
  }

  /** At most one request an issuer at a time, and none too soon after the last. */
  async function refresh(issuer: NamedIssuer, standing: Standing): Promise<void> {
    if (standing.underWay === undefined && clock.monotonicMs() - standing.triedMs < betweenTriesMs) return;
    standing.underWay ??= (async () => {
      standing.triedMs = clock.monotonicMs();
      try {
        standing.remembered = { keys: await fetchKeys(issuer), fetchedMs: clock.monotonicMs() };
      } catch (error) {
        standing.failure = phraseOf(error);
        log.warn("the keys of a CI issuer cannot be read", {
          "ci.issuer": issuer.config.name,
          "ci.issuer_url": issuer.url,
          error,
        });
      } finally {
        standing.underWay = undefined;
      }
    })();
    await standing.underWay;
  }

  async function fetchKeys({ config, url }: NamedIssuer): Promise<ReadonlyMap<string, JWK>> {
    const client = clients.get(config.name);
    if (client === undefined) throw new TypeError(`no client for the issuer ${config.name}`);
    return parseKeys(await fetchJson(client, config.jwks ?? (await discover(client, url))));
  }

  return {
    async find(issuer, keyId) {
      const standing = standingOf(issuer);
      const ageMs = (): number => clock.monotonicMs() - (standing.remembered?.fetchedMs ?? -Infinity);
      if (ageMs() >= freshMs || standing.remembered?.keys.has(keyId) !== true) await refresh(issuer, standing);
      if (standing.remembered === undefined || ageMs() >= outageMs) {
        throw new AssayError("ISSUER_UNAVAILABLE", {
          issuer: issuer.config.name,
          reason: standing.failure === "" ? "it was asked a moment ago" : standing.failure,
          retryAfterSeconds: betweenTriesMs / 1000,
        });
      }
      return standing.remembered.keys.get(keyId);
    },
  };
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(client: UpstreamClient, issuer: string): Promise<string> {
  const document = await fetchJson(client, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const { issuer: named, jwks_uri: keys } = document;
  if (named !== issuer) throw new MalformedAnswer("its configuration names another issuer");
  if (typeof keys !== "string") throw new MalformedAnswer("its configuration names no keys");
  return keys;
}

async function fetchJson(client: UpstreamClient, url: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await client.request(url, {
    decode: true,
    maxBytes: largestDocument,
    headers: { accept: "application/json" },
    tries: 2,
  });
  if (answer.status !== 200) {
    answer.body.destroy();
    throw new MalformedAnswer(`it answers ${answer.status}`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(chunk as Buffer);
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new MalformedAnswer("its answer is not JSON", { cause });
  }
  throw new MalformedAnswer("its answer is not an object");
}

/** Signing keys by id. Of two with one id neither is taken: which of them signed could not be said. */
function parseKeys({ keys }: Readonly<Record<string, unknown>>): ReadonlyMap<string, JWK> {
  if (!Array.isArray(keys) || keys.length > mostKeys)
    throw new MalformedAnswer("its list of keys is none, or too long");
  const found = new Map<string, JWK>();
  const twice = new Set<string>();
  for (const key of keys as readonly unknown[]) {
    if (typeof key !== "object" || key === null) continue;
    const { kid, kty, use } = key as JWK;
    // A symmetric key in public is nobody's key.
    if (typeof kid !== "string" || kty === "oct" || (use !== undefined && use !== "sig")) continue;
    if (found.has(kid)) twice.add(kid);
    found.set(kid, key);
  }
  for (const kid of twice) found.delete(kid);
  return found;
}

class MalformedAnswer extends Error {}

/** What may be told outside. */
function phraseOf(error: unknown): string {
  if (error instanceof NetworkError) return networkErrorPhrases[error.reason];
  return error instanceof MalformedAnswer ? error.message : "something failed inside";
}
