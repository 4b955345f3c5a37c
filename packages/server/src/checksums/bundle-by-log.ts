import type { BundleRequestEntry, BundleResponse } from "./checksums.ts";

/** The bundle of entries whose names belong to different logs: each part is asked of its own. */
export async function bundleByLog(
  entries: readonly BundleRequestEntry[],
  logOf: (entry: BundleRequestEntry) => string,
  bundle: (log: string, part: readonly BundleRequestEntry[]) => Promise<BundleResponse>,
): Promise<BundleResponse> {
  const bundles = [];
  const missing = [];
  for (const [log, part] of Map.groupBy(entries, logOf)) {
    const answer = await bundle(log, part);
    bundles.push(...answer.bundles);
    missing.push(...answer.missing);
  }
  return { format: "assay-bundle/v1", bundles, missing };
}
