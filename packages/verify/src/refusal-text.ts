import { unverifiableSentences } from "./lockfile/lockfile.ts";
import type { Report } from "./report.ts";

/** Packages named before the rest is only counted. */
const maxNamed = 10;

/**
 * Why an install must not go on, for a package manager to print: one line a package, plain text; undefined when the
 * report is fine.
 */
export function refusalText(report: Report): string | undefined {
  if (report.ok) return undefined;
  const { mismatching, superseded, missing, refused, unverifiable, throughRecord } = report;
  const rows = [
    ...refused.map(({ origin, reason }) => `the log ${origin} proves nothing: ${reason}`),
    ...mismatching.map(
      (each) =>
        `${each.name}@${each.version} has other bytes than the log: ${each.integrity} here, ${each.bound} in record ${each.index} of ${each.origin}`,
    ),
    ...superseded.map(
      (each) => `${each.name}@${each.version} was replaced in the log, and the trust file does not allow that`,
    ),
    ...missing
      .filter(({ allowed }) => !allowed)
      .map((each) => `${each.name}@${each.version} is not proven to be in the log: ${each.reason}`),
    ...unverifiable
      .filter(({ allowed }) => !allowed)
      .map(
        ({ name, version, reason }) =>
          `${version === "" ? name : `${name}@${version}`} ${unverifiableSentences[reason]}`,
      ),
    ...throughRecord
      .filter(({ accepted }) => !accepted)
      .map(({ name, version }) => `${name}@${version} is in the log, but nothing pins its tarball`),
  ];
  const more = rows.length - maxNamed;
  const named = rows.slice(0, maxNamed).map((row) => `  ${row}`);
  return ["Assay refuses this install:", ...named, ...(more > 0 ? [`  … and ${more} more`] : [])].join("\n");
}
