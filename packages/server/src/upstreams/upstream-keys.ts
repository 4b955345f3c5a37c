import { hash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { equalBytes, isAssayError, parseRegistryKeyList, type RegistryKey } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import { NetworkError } from "../platform/network/network.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { ownOwner, type RegistrySigning, type SignatureContext } from "../signing/signing.ts";
import { seedKeys } from "./seed-keys.ts";
import type { Source, Sources } from "./sources.ts";

/** What is known of a registry's keys: it lists some; it never listed any; it was never reached. */
export type KeyState = "listed" | "none" | "unreachable";

/** Keeps the key ring of `signing` up to date with what the registries publish. */
export interface UpstreamKeys {
  /**
   * Sees to it that a registry's keys are in the ring. Waits for the first answer only; from then on what is known
   * counts and is brought up to date behind. Never rejects for what a registry does.
   */
  current(alias: string): Promise<KeyState> | KeyState;

  /** Waits until every registry was asked once, or its keys are known from before. */
  ready(): Promise<void>;

  /** As `current`, but asks now, once a minute at most: somebody met a keyid that is not known. */
  again(alias: string): Promise<KeyState>;

  /** What the signatures of a registry's versions are judged by now; of one that is not configured, `prefer`. */
  context(alias: string): SignatureContext;

  /** The registries whose packages these sources serve, each once. Throws TypeError for an alias that is not configured. */
  ownersOf(aliases: readonly string[]): readonly string[];

  /** Rises when any registry's keys change. */
  readonly generation: number;

  /** Asks every registry once an hour until aborted. The keys of registries that are not configured any more end. */
  run(signal: AbortSignal): Promise<void>;
}

interface UpstreamKeysDeps {
  readonly signing: Pick<RegistrySigning, "learn" | "ring">;
  /** By alias; the keys of these registries are not asked for. */
  readonly pinnedKeys: ReadonlyMap<string, readonly RegistryKey[]>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const keysPath = "/-/npm/v1/keys";
/** 10,000 keys are some 2.5 MB. */
const mostBytes = 4 * 1024 * 1024;
const freshMs = 3_600_000;
/** After a failure, and between two questions because of an unknown keyid. */
const againMs = 60_000;

export function createUpstreamKeys(deps: UpstreamKeysDeps, sources: Sources): UpstreamKeys {
  const { signing, pinnedKeys, clock, telemetry } = deps;
  const asked = new Map<string, { readonly state: KeyState; readonly isGood: boolean; readonly atMs: number }>();
  const flights = createSingleFlight<KeyState>();
  /** SHA-256 of the list that was learned last, by alias. */
  const learned = new Map<string, string>();
  const registries = sources.registries.map(({ config }) => config.name);
  const policies = new Map(sources.registries.map(({ config }) => [config.name, config.signatures]));
  const pinnedKeyids = new Map(
    [...pinnedKeys].map(([alias, keys]) => [alias, new Set(keys.map(({ keyid }) => keyid))] as const),
  );
  const answers = telemetry.metrics.counter(
    "assay_upstream_keys_total",
    "Answers of upstreams to requests for their signing keys, by outcome.",
    ["upstream", "outcome"],
  );

  function ask(alias: string): Promise<KeyState> {
    return flights.run(alias, async () => {
      const { outcome, isGood } = await learnFrom(sources.named(alias)).catch((error: unknown) => {
        telemetry.log.error(`the signing keys of upstream ${alias} cannot be remembered`, { error });
        return { outcome: "failed" as const, isGood: false };
      });
      answers.add(1, { upstream: alias, outcome });
      const isKnown = signing.ring.list([alias]).length > 0;
      const state = isKnown ? "listed" : outcome === "none" ? "none" : "unreachable";
      asked.set(alias, { state, isGood, atMs: clock.monotonicMs() });
      return state;
    });
  }

  async function learnFrom({ config, client }: Source) {
    const { name, url } = config;
    const pinned = pinnedKeys.get(name);
    if (pinned !== undefined) {
      await signing.learn(name, pinned, { isWhole: true });
      return { outcome: "pinned", isGood: true } as const;
    }
    const seeds = await seedKeys(url);
    const answer = await fetchKeys(client, learned.get(name));
    if (answer.outcome === "same") return { outcome: "listed", isGood: true } as const;
    if (answer.outcome === "failed") {
      telemetry.log.warn(`upstream ${name} gave no list of signing keys: ${answer.reason}`, { "upstream.name": name });
    }
    if (answer.outcome === "listed") {
      await signing.learn(name, joinKeys(seeds, answer.keys), { isWhole: true });
      learned.set(name, answer.digest);
    }
    // No list says nothing about the keys of before.
    else if (seeds.length > 0) await signing.learn(name, seeds, { isWhole: false });
    return { outcome: answer.outcome, isGood: answer.outcome !== "failed" };
  }

  function isDue(alias: string): boolean {
    const last = asked.get(alias);
    return last === undefined || clock.monotonicMs() - last.atMs >= (last.isGood ? freshMs : againMs);
  }

  function current(alias: string): Promise<KeyState> | KeyState {
    const last = asked.get(alias);
    if (last !== undefined && !isDue(alias)) return last.state;
    const flight = ask(alias);
    // A pinned list costs no request, and must not be overtaken by what was known before it was pinned.
    const isKnown = !pinnedKeys.has(alias) && signing.ring.list([alias]).length > 0;
    return isKnown ? "listed" : flight;
  }

  async function endUnconfigured(): Promise<void> {
    const owners = new Set(signing.ring.list().map(({ owner }) => owner));
    for (const owner of owners) {
      if (owner !== ownOwner && !registries.includes(owner)) await signing.learn(owner, [], { isWhole: true });
    }
  }

  return {
    get generation() {
      return signing.ring.generation;
    },
    ownersOf(aliases) {
      const owners = aliases.map((alias) => sources.named(alias).config.of ?? alias);
      return [...new Set(owners)].sort();
    },
    context(alias) {
      const policy = policies.get(alias) ?? "prefer";
      const pinned = pinnedKeyids.get(alias);
      return { ring: signing.ring, owner: alias, policy, registries, pinned };
    },
    current,
    async ready() {
      for (const alias of registries) void current(alias);
      for (const alias of registries) await current(alias);
    },
    async again(alias) {
      const last = asked.get(alias);
      if (last !== undefined && clock.monotonicMs() - last.atMs < againMs) return last.state;
      return await ask(alias);
    },
    async run(signal) {
      await endUnconfigured();
      while (!signal.aborted) {
        await Promise.all(registries.map(ask));
        await clock.sleep(freshMs, signal).catch(() => {});
      }
    },
  };
}

type KeyAnswer =
  | { readonly outcome: "listed"; readonly keys: readonly RegistryKey[]; readonly digest: string }
  /** The list with the known digest: a long one costs tenths of a second to read, and is the same for months. */
  | { readonly outcome: "same" }
  | { readonly outcome: "none" }
  | { readonly outcome: "failed"; readonly reason: string };

/** 4xx means that the registry has no such endpoint, as npm and pnpm take it. */
async function fetchKeys(client: Source["client"], knownDigest: string | undefined): Promise<KeyAnswer> {
  try {
    const response = await client.request(keysPath, {
      headers: { accept: "application/json" },
      decode: true,
      maxBytes: mostBytes,
    });
    const bytes = await buffer(response.body);
    if (response.status >= 400 && response.status < 500 && response.status !== 429) return { outcome: "none" };
    if (response.status !== 200) return { outcome: "failed", reason: `it answered status ${response.status}` };
    const digest = hash("sha256", bytes);
    if (digest === knownDigest) return { outcome: "same" };
    return { outcome: "listed", keys: parseRegistryKeyList(bytes.toString()), digest };
  } catch (error) {
    if (error instanceof NetworkError) return { outcome: "failed", reason: error.message };
    if (isAssayError(error, "BAD_FORMAT")) return { outcome: "failed", reason: error.message };
    throw error;
  }
}

/** One list: what is seeded is signed, so it wins; of two ends the earlier counts. */
function joinKeys(seeds: readonly RegistryKey[], listed: readonly RegistryKey[]): RegistryKey[] {
  const keys = new Map(listed.map((key) => [key.keyid, key]));
  for (const seed of seeds) {
    const other = keys.get(seed.keyid);
    const isSame = other !== undefined && equalBytes(other.publicKey.spki, seed.publicKey.spki);
    const ends = [seed.expiresMs, isSame ? other.expiresMs : undefined].filter((end) => end !== undefined);
    keys.set(seed.keyid, { ...seed, expiresMs: ends.length === 0 ? undefined : Math.min(...ends) });
  }
  return [...keys.values()];
}
