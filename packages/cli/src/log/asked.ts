import { wrongUse } from "../errors.ts";
import { parseRelease } from "../release.ts";
import type { LogSource, Place } from "./source.ts";

/**
 * The place that a person means: `<shard>/<index>`, or `<name>@<version>`, whose newest bind or supersede counts.
 * Throws USAGE when the log has no such record.
 */
export async function placeAsked(source: LogSource, asked: string): Promise<Place> {
  const [, shard, index] = /^([a-z0-9._-]+)\/(0|[1-9]\d{0,15})$/.exec(asked) ?? [];
  if (shard !== undefined && index !== undefined) {
    const known = (await source.shards()).map((each) => each.shard);
    if (!known.includes(shard)) throw wrongUse(`There is no log ${shard} here; there is ${known.join(", ")}.`);
    return { shard, index: Number(index) };
  }
  const { name, version } = parseRelease(asked);
  const place = (await source.placesOf(name, version)).at(-1);
  if (place === undefined) throw wrongUse(`${name}@${version} is not bound in this log.`);
  return place;
}
