import { isLostParts } from "./parts.ts";
import type { Packument, Upstreams } from "./upstreams.ts";

/**
 * Does `work`, which reads the packument's parts; when they are gone or damaged (the cache may be deleted at any
 * time) has them made again and does it once more.
 */
export async function withParts<Result>(
  upstreams: Pick<Upstreams, "reload">,
  packument: Packument,
  work: (packument: Packument) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(packument);
  } catch (error) {
    if (!isLostParts(error)) throw error;
    return await work(await upstreams.reload(packument));
  }
}
