import { createHash } from "node:crypto";
import type { PackageName } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { AskSource } from "./fetch.ts";
import type { KeptDocuments } from "./kept.ts";
import { partsPathOf } from "./parts-cache.ts";
import { toPackument } from "./parts.ts";
import { mirroredDocument, type MirrorVoice } from "./mirrored-document.ts";
import { listSomewhere } from "./mirrored-listing.ts";
import type { Source, Sources } from "./sources.ts";
import type { Standing } from "./standing.ts";
import { readSeenTags, writeSeenTags } from "./store-tags.ts";
import type { Packument } from "./upstreams.ts";

/** Stands in for an owner that is silent and of which no document is stored. */
export interface Mirrored {
  /**
   * What the owner's mirrors are good for (`mirroredDocument`), for as long as `untilMs`; undefined when that is
   * nothing. `why` says why the owner is not heard.
   */
  packument(owner: Source, name: PackageName, why: string, untilMs: number): Promise<Packument | undefined>;
  forget(name: PackageName): void;
}

interface MirroredDeps {
  readonly sources: Sources;
  readonly standing: Pick<Standing, "aside">;
  readonly kept: Pick<KeptDocuments, "derive">;
  readonly releases: Pick<Releases, "packageState">;
  readonly database: Database;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly ask: AskSource;
}

/** Nobody waits longer for a mirror's packument to go on. */
const idleMs = 5_000;
const leastAgreeing = 2;

export function createMirrored(deps: MirroredDeps, { folder }: { readonly folder: string }): Mirrored {
  const { sources, standing, kept, releases, database, clock } = deps;
  const found = createByteCache<{ readonly packument: Packument; readonly untilMs: number }>({
    maxBytes: 16 * 1024 * 1024,
    sizeOf: ({ packument }) => 1000 + 600 * packument.versions.size,
  });

  async function voices(owner: Source, name: PackageName): Promise<readonly MirrorVoice[]> {
    const aside = await standing.aside();
    const mirrors = sources.sourcesOf(name).filter((source) => source !== owner && !aside.has(source.config.name));
    const heard = await Promise.all(mirrors.map((mirror) => listen(mirror, name)));
    return heard.filter((voice) => voice !== undefined);
  }

  async function listen(mirror: Source, name: PackageName): Promise<MirrorVoice | undefined> {
    const fetched = await deps.ask(mirror, name, undefined, { tries: 1, idleMs });
    if (fetched.kind !== "document") return undefined;
    try {
      const listing = await listSomewhere(deps, { name, bytes: fetched.bytes });
      return listing === undefined ? undefined : { operator: mirror.config.operator, listing };
    } finally {
      fetched.release();
    }
  }

  async function make(owner: Source, name: PackageName): Promise<Packument | undefined> {
    const heard = await voices(owner, name);
    if (heard.length === 0) return undefined;
    const seenTags = (await readSeenTags(database.read, name)) ?? {};
    const document = mirroredDocument({
      name,
      ownerUrl: owner.config.url,
      voices: heard,
      state: await releases.packageState(name),
      seenTags,
      agree: Math.max(leastAgreeing, owner.config.agree),
    });
    if (document === undefined) return undefined;
    const digest = createHash("sha256").update(document.bytes).digest("hex");
    const derived = await kept.derive(owner, name, { bytes: document.bytes, digest }, 0);
    if (derived.kind === "refused") return undefined;
    const tags = { ...seenTags, ...document.tags };
    if (JSON.stringify(tags) !== JSON.stringify(seenTags)) {
      await database.write((transaction) => writeSeenTags(transaction, name, tags));
    }
    const packument = toPackument(derived.index, {
      checkedAtMs: clock.now(),
      stale: undefined,
      partsPath: partsPathOf(folder, name, digest),
    });
    return { ...packument, isPartial: true };
  }

  return {
    async packument(owner, name, why, untilMs) {
      const known = found.get(name);
      const packument = known !== undefined && known.untilMs >= clock.now() ? known.packument : await make(owner, name);
      if (packument === undefined) return undefined;
      if (packument !== known?.packument) found.set(name, { packument, untilMs });
      return { ...packument, stale: `${why}; what its mirrors have of bound versions` };
    },
    forget: (name) => found.delete(name),
  };
}
