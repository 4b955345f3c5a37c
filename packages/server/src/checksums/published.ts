import type { Edge } from "@assay/core";
import { createBell } from "./bell.ts";

/** The newest signed state of a shard that readers may see. Immutable: readers keep the object they started with. */
export interface PublishedHead {
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: Edge;
  /** Signed checkpoint of `size`. */
  readonly note: string;
}

/** Published heads by shard, in memory: what every read of the log starts from. */
export interface PublishedHeads {
  get(shard: string): PublishedHead | undefined;
  /** Sets the head unless a larger one stands, and resolves everyone who waits in `next`. */
  publish(shard: string, head: PublishedHead): void;
  /** Resolves at the next `publish` of any shard. Take it before reading state, or a publication may be missed. */
  next(): Promise<void>;
}

export function createPublishedHeads(): PublishedHeads {
  const heads = new Map<string, PublishedHead>();
  const bell = createBell();
  return {
    get: (shard) => heads.get(shard),
    publish(shard, head) {
      const standing = heads.get(shard);
      if (standing === undefined || standing.size <= head.size) heads.set(shard, head);
      bell.ring();
    },
    next: bell.next,
  };
}
