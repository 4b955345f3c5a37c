import { createHash } from "node:crypto";
import { AssayError, type PackageName } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Workers } from "../platform/workers/workers.ts";
import { isJsonObject, type JsonObject } from "./cut.ts";
import { deriveSomewhere } from "./derive.ts";
import { isLostParts, loadIndex, parseIndex, toPackument, type PartsIndex } from "./parts.ts";
import { partsPathOf, prune } from "./parts-cache.ts";
import type { RawDocuments } from "./raw.ts";
import { readPackument } from "./store.ts";
import { readImported, replaceImported } from "./store-imported.ts";
import type { ImportedListings, ListingWatch, Packument } from "./upstreams.ts";

/** Stands as the source of what no upstream served but an import brought; no upstream may have this alias. */
export const importAlias = "import";

/** Listings that imports brought. They show where no registry owns the name, and while its owner has never answered. */
export interface Imported extends ImportedListings {
  /** From memory, when it was looked at lately: another process may import. */
  fresh(name: PackageName): Packument | undefined;
  load(name: PackageName): Promise<Packument | undefined>;
  /** Forgets what is in memory, so that `load` looks at the files. */
  drop(name: PackageName): void;
}

interface ImportedDeps {
  readonly database: Database;
  readonly listings: ListingWatch;
  readonly raws: RawDocuments;
  readonly workers: Workers;
  readonly random: Random;
  readonly clock: Clock;
}

interface ImportedOptions {
  /** For parts files. */
  readonly folder: string;
  readonly maxAgeMs: number;
  readonly memoryBytes: number;
}

export function createImported(deps: ImportedDeps, { folder, maxAgeMs, memoryBytes }: ImportedOptions): Imported {
  const { database, raws, clock } = deps;
  const listings = createByteCache<Packument>({
    maxBytes: memoryBytes,
    sizeOf: ({ versions }) => 1000 + 600 * versions.size,
  });

  function fresh(name: PackageName): Packument | undefined {
    const held = listings.get(name);
    return held !== undefined && clock.now() - held.checkedAtMs < maxAgeMs ? held : undefined;
  }

  async function indexOf(name: PackageName, digest: string): Promise<PartsIndex | undefined> {
    try {
      return await loadIndex(partsPathOf(folder, name, digest));
    } catch (error) {
      if (!isLostParts(error)) throw error;
    }
    const bytes = await raws.read(digest);
    return bytes === undefined ? undefined : parseIndex((await derive(name, bytes, digest)).index);
  }

  async function derive(name: PackageName, bytes: Uint8Array<ArrayBuffer>, digest: string) {
    const partsPath = partsPathOf(folder, name, digest);
    const derived = await deriveSomewhere(deps, {
      name,
      source: importAlias,
      upstreamUrl: "",
      fallbackModifiedMs: clock.now(),
      bytes,
      digest,
      partsPath,
      temporaryPath: `${partsPath}.${Buffer.from(deps.random.bytes(8)).toString("hex")}.tmp`,
    });
    if (derived.kind === "derived") return derived;
    throw new AssayError("UPSTREAM_BAD_ANSWER", { source: importAlias, reason: `${derived.reason} (${name})` });
  }

  /** False when the listing that it was merged with is not there any more. A crash leaves a raw document and a parts file. */
  async function keepOnce(name: PackageName, bytes: Uint8Array): Promise<boolean> {
    const row = await readImported(database.read, name);
    const before = row === undefined ? undefined : await raws.read(row.digest);
    const merged = new Uint8Array(before === undefined ? bytes : mergeListings(before, bytes));
    const digest = createHash("sha256").update(merged).digest("hex");
    if (digest === row?.digest) return true;
    const { index, compressed } = await derive(name, merged, digest);
    await raws.put(digest, compressed);
    const modifiedMs = parseIndex(index).modifiedMs;
    const stored = { name, digest, modified_at_ms: modifiedMs, imported_at_ms: clock.now() };
    const state = { checkedAtMs: clock.now(), stale: undefined, partsPath: partsPathOf(folder, name, digest) };
    const note = await deps.listings.listed(toPackument(parseIndex(index), state));
    const isKept = await database.write(async (transaction) => {
      if (!(await replaceImported(transaction, stored, row?.digest))) return false;
      // What its owner lists goes before what was imported.
      if ((await readPackument(transaction, name))?.status !== "listed") await note(transaction);
      return true;
    });
    if (!isKept) return false;
    await prune(partsPathOf(folder, name, digest), row === undefined ? [digest] : [digest, row.digest]);
    if (row !== undefined) await raws.remove(row.digest);
    return true;
  }

  return {
    fresh,
    drop: (name) => listings.delete(name),
    async load(name) {
      const row = await readImported(database.read, name);
      if (row === undefined) return undefined;
      const held = listings.get(name);
      const index = held?.digest === row.digest ? undefined : await indexOf(name, row.digest);
      const state = { checkedAtMs: clock.now(), stale: undefined, partsPath: partsPathOf(folder, name, row.digest) };
      if (held?.digest !== row.digest && index === undefined) return undefined;
      const packument = index === undefined ? { ...(held as Packument), ...state } : toPackument(index, state);
      listings.set(name, packument);
      return packument;
    },
    async keep(name, bytes) {
      // Again when another process imported the same package meanwhile.
      while (!(await keepOnce(name, bytes))) continue;
      listings.delete(name);
    },
  };
}

/**
 * One document of both: every version of either, and of what both have, times, tags and the rest, what the later one
 * says. Both were proven when they came, so a version says the same in both.
 */
function mergeListings(earlier: Uint8Array, later: Uint8Array): Uint8Array {
  const [old, recent] = [earlier, later].map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as JsonObject);
  const both = (member: string): JsonObject => ({ ...objectIn(old, member), ...objectIn(recent, member) });
  return Buffer.from(
    JSON.stringify({
      ...old,
      ...recent,
      "dist-tags": both("dist-tags"),
      time: both("time"),
      versions: both("versions"),
    }),
  );
}

function objectIn(document: JsonObject | undefined, member: string): JsonObject {
  const value = document?.[member];
  return isJsonObject(value) ? value : {};
}
