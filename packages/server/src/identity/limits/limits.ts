import { AssayError } from "@assay/core";
import ipaddr from "ipaddr.js";
import type { Clock } from "../../platform/clock.ts";

/** How often one may: a bucket of `burst` that fills again by `perMinute`. */
export interface Limit {
  readonly burst: number;
  readonly perMinute: number;
}

/** Counts by anything that names who asks: an address block, a principal id. In memory of this process. */
export interface RateLimit {
  /** Takes one. Throws TOO_MANY_REQUESTS with the seconds until there is one again. */
  take(who: string): void;
  /** Puts one back: what was taken turned out to be nothing to worry about. */
  giveBack(who: string): void;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** Most that are remembered; who asked longest ago is forgotten first. Some 10 MB. */
const mostBuckets = 100_000;

export function createRateLimit(
  { clock }: { readonly clock: Pick<Clock, "monotonicMs"> },
  { burst, perMinute }: Limit,
  most = mostBuckets,
): RateLimit {
  const buckets = new Map<string, Bucket>();

  function bucketOf(who: string): Bucket {
    const nowMs = clock.monotonicMs();
    const known = buckets.get(who);
    const left = known === undefined ? burst : known.left + ((nowMs - known.atMs) * perMinute) / 60_000;
    const bucket = { left: Math.min(burst, left), atMs: nowMs };
    // Put in anew, so that the map is in the order of the last use.
    buckets.delete(who);
    buckets.set(who, bucket);
    if (buckets.size > most) buckets.delete(buckets.keys().next().value ?? who);
    return bucket;
  }

  return {
    take(who) {
      const bucket = bucketOf(who);
      if (bucket.left < 1) {
        const retryAfterSeconds = Math.ceil(((1 - bucket.left) * 60) / perMinute);
        throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds });
      }
      bucket.left -= 1;
    },
    giveBack(who) {
      const bucket = bucketOf(who);
      bucket.left = Math.min(burst, bucket.left + 1);
    },
  };
}

/** What counts as one place: an IPv4 address, or the /64 of an IPv6 address, of which everybody has as many as they like. */
export function addressBlock(address: string): string {
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${parsed.toNormalizedString().replace(/%.*$/, "").split(":").slice(0, 4).join(":")}::/64`;
}

/** What one operator has at least: the /24 of an IPv4 address, the /48 of an IPv6 address. */
export function addressRange(address: string): string {
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return `${parsed.toString().replace(/\.\d+$/, "")}.0/24`;
  return `${parsed.toNormalizedString().replace(/%.*$/, "").split(":").slice(0, 3).join(":")}::/48`;
}
