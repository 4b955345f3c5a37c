import type { Integrity, PackageName, Version } from "@assay/core";
import type { Report, ThroughRecordPackage } from "./report.ts";

/** What a registry serves: fetched whole, hashed, and thrown away. */
export interface TarballEffects {
  /** The digest of the tarball at its usual place, or why there is none. Throws nothing but what is a fault here. */
  tarballDigest(name: PackageName, version: Version): Promise<ServedTarball>;
}

export type ServedTarball =
  | { readonly outcome: "served"; readonly integrity: Integrity }
  | { readonly outcome: "refused"; readonly reason: string };

/** How far the downloads are. */
export interface ServedProgress {
  readonly done: number;
  readonly total: number;
  readonly latest: string;
}

const downloadsAtOnce = 8;

/**
 * Asks the registry for every tarball that the lockfiles do not pin, and holds it against what the log binds: then the
 * registry serves the bound bytes, today and here. Each version is fetched once, 8 at a time. Answers the reports with
 * `served` filled in; other bytes, and what is not served, make a report fail.
 */
export async function checkServed(
  effects: TarballEffects,
  reports: readonly Report[],
  onProgress: (progress: ServedProgress) => void,
): Promise<readonly Report[]> {
  const wanted = new Map(
    reports.flatMap(({ throughRecord }) => throughRecord).map((each) => [`${each.name}@${each.version}`, each]),
  );
  const served = new Map<string, ThroughRecordPackage["served"]>();
  const waiting = wanted.entries();
  const worker = async (): Promise<void> => {
    // One iterator shared by all workers: each tarball is taken once.
    for (const [key, { name, version, bound }] of waiting) {
      served.set(key, judgeServed(bound, await effects.tarballDigest(name, version)));
      onProgress({ done: served.size, total: wanted.size, latest: key });
    }
  };
  await Promise.all(Array.from({ length: downloadsAtOnce }, worker));
  return reports.map((report) => withServed(report, served));
}

function judgeServed(bound: Integrity, answer: ServedTarball): ThroughRecordPackage["served"] {
  if (answer.outcome === "refused") return { as: "nothing", reason: answer.reason };
  return answer.integrity === bound ? { as: "bound" } : { as: "other-bytes", integrity: answer.integrity };
}

function withServed(report: Report, served: ReadonlyMap<string, ThroughRecordPackage["served"]>): Report {
  const throughRecord = report.throughRecord.map((each) => ({
    ...each,
    served: served.get(`${each.name}@${each.version}`) ?? each.served,
  }));
  return { ...report, ok: report.ok && throughRecord.every((each) => each.served.as === "bound"), throughRecord };
}
