import { createHash } from "node:crypto";
import { AssayError, type EpochMs, type PackageName } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Workers } from "../platform/workers/workers.ts";
import { deriveSomewhere } from "./derive.ts";
import { isLostParts, loadIndex, parseIndex, toPackument, type PartsIndex } from "./parts.ts";
import { partsPathOf, prune } from "./parts-cache.ts";
import type { Packument } from "./upstreams.ts";

/** Stands as the source of what is published here; no upstream may have this alias. */
export const hostedAlias = "hosted";

/** Where the documents of packages come from that live here. */
export interface HostedDocuments {
  /** A number that every change of the package's document raises; undefined: there is no such package. */
  revisionOf(name: PackageName): Promise<number | undefined>;
  /** The packument as UTF-8 JSON; at least as new as the revision that was read before. */
  document(name: PackageName): Promise<Uint8Array<ArrayBuffer>>;
}

/** Hosted documents, taken apart as an upstream's are. */
export interface Hosted {
  /** From memory, when it was looked at within the last second: another process may publish. */
  fresh(name: PackageName): Packument | undefined;
  load(name: PackageName): Promise<Packument | undefined>;
  /** The same; throws NOT_FOUND where there is no such package. */
  packument(name: PackageName): Promise<Packument>;
  /** What is in memory may be old: this process just changed it. */
  changed(name: PackageName): void;
  /** Forgets what is in memory, so that `load` looks at the files. */
  drop(name: PackageName): void;
}

interface HostedDeps {
  /** Undefined: nothing lives here. */
  readonly documents: HostedDocuments | undefined;
  readonly workers: Workers;
  readonly random: Random;
  readonly clock: Clock;
}

interface Held {
  readonly revision: number;
  readonly packument: Packument;
}

/** For how long another process's publish may stay unseen here. */
const maxAgeMs = 900;
const listingBytes = 32 * 1024 * 1024;
const noDocuments: HostedDocuments = {
  revisionOf: async () => undefined,
  document: async () => new Uint8Array(),
};
/** Must be looked at again before it is shown. */
const never = 0 as EpochMs;

export function createHosted(deps: HostedDeps, folder: string): Hosted {
  const { documents = noDocuments, clock } = deps;
  const listings = createByteCache<Held>({
    maxBytes: listingBytes,
    sizeOf: ({ packument }) => 1000 + 600 * packument.versions.size,
  });
  /** Changes by this process, so that a look that began before one is not taken for a look after it. */
  let changes = 0;
  const loads = createSingleFlight<Packument | undefined>();

  async function read(name: PackageName): Promise<Packument | undefined> {
    const began = changes;
    const checkedAtMs = (): EpochMs => (began === changes ? clock.now() : never);
    const revision = await documents.revisionOf(name);
    if (revision === undefined) return undefined;
    const held = listings.get(name);
    if (held?.revision === revision) return keep(name, revision, { ...held.packument, checkedAtMs: checkedAtMs() });
    const bytes = await documents.document(name);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const partsPath = partsPathOf(folder, name, digest);
    const index = await indexOf(name, bytes, digest, partsPath);
    if (held !== undefined) await prune(partsPath, [digest, held.packument.digest]);
    return keep(name, revision, toPackument(index, { checkedAtMs: checkedAtMs(), stale: undefined, partsPath }));
  }

  function keep(name: PackageName, revision: number, packument: Packument): Packument {
    listings.set(name, { revision, packument });
    return packument;
  }

  async function indexOf(
    name: PackageName,
    bytes: Uint8Array<ArrayBuffer>,
    digest: string,
    partsPath: string,
  ): Promise<PartsIndex> {
    try {
      return await loadIndex(partsPath);
    } catch (error) {
      if (!isLostParts(error)) throw error;
    }
    const derived = await deriveSomewhere(deps, {
      name,
      source: hostedAlias,
      upstreamUrl: "",
      fallbackModifiedMs: clock.now(),
      bytes,
      digest,
      partsPath,
      temporaryPath: `${partsPath}.${Buffer.from(deps.random.bytes(8)).toString("hex")}.tmp`,
    });
    if (derived.kind === "derived") return parseIndex(derived.index);
    throw new AssayError("UPSTREAM_BAD_ANSWER", { source: hostedAlias, reason: `${derived.reason} (${name})` });
  }

  const load: Hosted["load"] = (name) => loads.run(`${changes} ${name}`, () => read(name));

  return {
    fresh(name) {
      const held = listings.get(name)?.packument;
      return held !== undefined && clock.now() - held.checkedAtMs < maxAgeMs ? held : undefined;
    },
    load,
    async packument(name) {
      const found = await load(name);
      if (found === undefined) throw new AssayError("NOT_FOUND", { what: `The package ${name}` });
      return found;
    },
    changed(name) {
      changes += 1;
      const held = listings.get(name);
      if (held !== undefined) keep(name, held.revision, { ...held.packument, checkedAtMs: never });
    },
    drop: (name) => listings.delete(name),
  };
}
