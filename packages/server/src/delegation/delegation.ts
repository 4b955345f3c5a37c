import { createHash } from "node:crypto";
import { AssayError, encodeUtf8, formatDelegation, type PackageName } from "@assay/core";
import type { BindFacts, Checksums } from "../checksums/checksums.ts";
import type { UpstreamConfig } from "../config/config.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import { actOfTerminal, type Act, type Events } from "../platform/events/events.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { DelegatedNames } from "./delegated.ts";
import { hindrance } from "./hindrance.ts";
import { putDelegatedName, putDelegation, readDelegation, readDelegations, type FoundDelegation } from "./store.ts";

export { openDelegatedNames, type DelegatedNames } from "./delegated.ts";
export { delegationMigrations } from "./migrations.ts";
export type { FoundDelegation } from "./store.ts";

/** Packages that say, with their owner's signature, that they now live at another registry. */
export interface Delegations {
  /**
   * Takes note that a release which is bound in this transaction says that its package moved. Nothing happens where
   * the owner's `delegations` is off, where no signature of the owner was verified, and where it names its own owner.
   */
  propose(transaction: Transaction, facts: BindFacts, movedTo: string): Promise<void>;
  list(): Promise<readonly FoundDelegation[]>;
  /** A person says yes: it is in force unless something is in its way, which is answered. Throws NOT_FOUND. */
  accept(name: PackageName): Promise<string | undefined>;
  /** A person says no, for this statement. Throws NOT_FOUND, and USAGE when it is in force already. */
  refuse(name: PackageName): Promise<void>;
  /** Looks into what was found, and at what other processes decided, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DelegationsDeps {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly checksums: Pick<Checksums, "bindsOf" | "claimDelegate" | "wake">;
  readonly releases: Pick<Releases, "raise">;
  readonly upstreams: Pick<Upstreams, "packument" | "listingAt" | "ownerOf" | "ownerChanged">;
  readonly delegated: DelegatedNames;
  readonly events: Events;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** How often found statements and other processes' decisions are looked at. */
const pollMs = 5_000;

export function createDelegations(
  deps: DelegationsDeps,
  { upstreams: configured }: { readonly upstreams: readonly UpstreamConfig[] },
): Delegations {
  const { database, blobs, checksums, releases, upstreams, delegated, events, clock, telemetry } = deps;
  const registries = configured.filter(({ kind }) => kind === "registry");
  const named = (alias: string | undefined): UpstreamConfig | undefined =>
    registries.find(({ name }) => name === alias);
  const at = (url: string): UpstreamConfig | undefined => registries.find((registry) => registry.url === url);

  async function require(name: PackageName): Promise<FoundDelegation> {
    const found = await readDelegation(database.read, name);
    if (found === undefined) throw new AssayError("NOT_FOUND", { what: `A delegation of ${name}` });
    return found;
  }

  /** Looks whether it may be in force now; if so, and `isDecided`, makes it, as `by`. Answers what is in its way. */
  async function consider(found: FoundDelegation, isDecided: boolean, by?: Act): Promise<string | undefined> {
    const target = at(found.toUrl);
    const problem =
      target === undefined
        ? `no registry here has the url ${found.toUrl}: add one with names: [] to upstreams`
        : await hindrance(deps, found, target.name);
    if (problem === undefined && target !== undefined && isDecided) {
      await activate(found, target.name, by);
      return undefined;
    }
    const state = problem === undefined && found.state === "found" ? "asking" : found.state;
    if (state !== found.state || problem !== found.problem) await note({ ...found, state, problem });
    return problem;
  }

  async function note(found: FoundDelegation): Promise<void> {
    await database.write(async (transaction) => {
      const standing = await readDelegation(transaction, found.name);
      // A newer statement, or somebody's decision, came in between.
      if (standing?.version !== found.version || isDecided(standing)) return;
      await putDelegation(transaction, found);
      if (found.state === "asking") await events.record(transaction, { kind: "delegation.asked", ...told(found) });
    });
    telemetry.log.warn(
      found.problem === undefined
        ? `${found.name} says that it moved to ${found.toUrl}: assay delegation accept | refuse ${found.name}`
        : `${found.name} says that it moved to ${found.toUrl}, but ${found.problem}`,
      { "package.name": found.name, "package.version": found.version },
    );
  }

  /**
   * The statement is durable, then record, ownership and event change together. A crash between the two leaves a blob
   * that nobody refers to.
   */
  async function activate(found: FoundDelegation, alias: string, by: Act | undefined): Promise<void> {
    const { name, version, integrity, signer, fromUrl, toUrl } = found;
    const text = formatDelegation({ ns: "npm", name, version, integrity, signer, from: fromUrl, to: toUrl });
    const bytes = encodeUtf8(text);
    const sha256 = createHash("sha256").update(bytes).digest();
    await blobs.put(blobKey("delegation", "sha256", sha256.toString("hex")), bytes, {
      sizeBytes: bytes.length,
      sha256: sha256.toString("hex"),
    });
    await database.write(async (transaction) => {
      const standing = await readDelegation(transaction, name);
      if (standing?.version !== version || standing.state === "active") return;
      await putDelegation(transaction, { ...found, state: "active", problem: undefined, decidedAtMs: clock.now() });
      await putDelegatedName(transaction, name, alias);
      const statement = `sha256-${sha256.toString("base64")}`;
      await checksums.claimDelegate(transaction, { name, from: found.fromAlias, to: alias, statement });
      await events.record(transaction, { kind: "delegation.followed", ...told(found), act: by });
      await releases.raise(transaction, name);
    });
    checksums.wake();
    await refresh();
    telemetry.log.warn(`${name} now lives at ${alias}`, { "package.name": name, "package.version": version });
  }

  function told({ name, version, fromUrl, toUrl }: FoundDelegation) {
    return { subject: `npm ${name}`, data: { version, from: fromUrl, to: toUrl } };
  }

  async function refresh(): Promise<void> {
    for (const name of await delegated.refresh()) upstreams.ownerChanged(name);
  }

  async function look(): Promise<void> {
    await refresh();
    for (const found of await readDelegations(database.read)) {
      if (isDecided(found)) continue;
      const policy = named(found.fromAlias)?.delegations ?? "off";
      if (policy !== "off") await consider(found, policy === "follow");
    }
  }

  return {
    async propose(transaction, { name, version, integrity, signer }, movedTo) {
      const owner = named(upstreams.ownerOf(name));
      if (owner === undefined || owner.delegations === "off" || signer === "-" || movedTo === owner.url) return;
      const found: FoundDelegation = {
        name,
        state: "found",
        version,
        integrity,
        signer,
        fromAlias: owner.name,
        fromUrl: owner.url,
        toUrl: movedTo,
        problem: undefined,
        foundAtMs: clock.now(),
        decidedAtMs: undefined,
      };
      await putDelegation(transaction, found);
      await events.record(transaction, { kind: "delegation.found", ...told(found) });
    },
    list: () => readDelegations(database.read),
    accept: async (name) => await consider(await require(name), true, actOfTerminal),
    async refuse(name) {
      await require(name);
      await database.write(async (transaction) => {
        const found = await readDelegation(transaction, name);
        if (found === undefined) return;
        if (found.state === "active")
          throw new AssayError("USAGE", { reason: `${name} moved already; its new registry may hand it back.` });
        await putDelegation(transaction, { ...found, state: "refused", decidedAtMs: clock.now() });
        await events.record(transaction, { kind: "delegation.refused", ...told(found), act: actOfTerminal });
      });
    },
    async run(signal) {
      while (!signal.aborted) {
        try {
          await look();
          await clock.sleep(pollMs, signal);
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("delegations could not be looked at", { error });
          await clock.sleep(pollMs, signal).catch(() => {});
        }
      }
    },
  };
}

function isDecided({ state }: Pick<FoundDelegation, "state">): boolean {
  return state === "active" || state === "refused";
}
