import {
  unverifiableSentences,
  type CheckpointReport,
  type Consistency,
  type MissingPackage,
  type Report,
  type ReportedPackage,
  type SupersededPackage,
  type ThroughRecordPackage,
} from "@assay/verify";

/** A report with what it is about. */
export interface ShownReport {
  readonly lockfile: string;
  readonly format: string;
  readonly report: Report;
}

/** Names listed of one group, or of one reason, before the rest is only counted; `--json` has all. */
const maxListed = 50;

/** The report for people: a line a group with its count, what failed by name, and what it rests on. */
export function reportText({ lockfile, format, report }: ShownReport): string {
  const { verified, throughRecord, superseded, mismatching, missing, unverifiable, checkpoints, refused } = report;
  const refusedHere = unverifiable.filter((each) => !each.allowed);
  const allowed = unverifiable.filter((each) => each.allowed);
  const lines = [
    `${lockfile} (${format})`,
    "",
    `✓ ${verified.length} verified: authentic, the log binds exactly these bytes`,
    ...throughRecordGroup(throughRecord),
    ...group("✗", "mismatching: the lockfile has other bytes than the log", mismatching, (each) => [
      `${each.name}@${each.version} at ${places(each)}`,
      `  lockfile ${each.integrity}`,
      `  log      ${each.bound} (record ${each.index} of ${each.origin})`,
    ]),
    ...group("✗", "superseded: the log replaced what it had bound", superseded, supersededRows),
    ...missingGroups(missing),
    ...group("✗", "unverifiable", refusedHere, (each) => [
      `${titled(each)} at ${each.path}: ${unverifiableSentences[each.reason]}`,
    ]),
    ...group("!", "unverifiable, allowed", allowed, (each) => [
      `${titled(each)} at ${each.path}: ${unverifiableSentences[each.reason]}`,
    ]),
    ...group("✗", "refused: proofs that do not count", refused, (each) => [`${each.origin}: ${each.reason}`]),
    ...vettedLine(verified.length + throughRecord.length),
    skippedLine(report),
    "",
    ...checkpoints.map(checkpointLine),
    ...(checkpoints.length > 0 ? [""] : []),
    verdict(report, refusedHere.length),
  ];
  return `${lines.join("\n")}\n`;
}

/** Said whether it was accepted or not: it is less than verified. */
function throughRecordGroup(packages: readonly ThroughRecordPackage[]): string[] {
  const [first] = packages;
  if (first === undefined) return [];
  const mark = first.accepted ? "!" : "✗";
  const isFetched = packages.every(({ served }) => served.as === "bound");
  return [
    `${mark} ${packages.length} through-record${first.accepted ? ", accepted" : ""}: the log binds these versions, but this lockfile does not pin their tarballs`,
    "    Yarn's checksum is of the archive that Yarn makes itself; which bytes it installs is what the registry serves.",
    ...(isFetched ? ["    The registry served the bound bytes of all of them just now."] : []),
    ...(first.accepted ? [] : ["    --accept through-record lets them pass."]),
    ...group(
      "✗",
      "served wrongly: the registry does not serve what the log binds",
      packages.filter(({ served }) => served.as === "other-bytes" || served.as === "nothing"),
      servedRows,
    ),
  ];
}

function servedRows({ name, version, bound, served }: ThroughRecordPackage): string[] {
  if (served.as === "nothing") return [`${name}@${version} was not served: ${served.reason}`];
  return [`${name}@${version}`, `  served ${served.as === "other-bytes" ? served.integrity : ""}`, `  log    ${bound}`];
}

function supersededRows(each: SupersededPackage): string[] {
  const { name, version, integrity, bound, replaced, isReplaced } = each;
  return [
    `${name}@${version} at ${places(each)}`,
    ...(integrity === undefined ? [] : [`  lockfile ${integrity}${isReplaced ? " (replaced)" : ""}`]),
    ...replaced.map((old) => `  log had  ${old}`),
    `  log now  ${bound} (record ${each.index} of ${each.origin})`,
    isReplaced
      ? "  Install it anew, and find out what the replaced bytes did."
      : `  If the new bytes are right: assay trust add supersede ${name}@${version} ${bound}`,
  ];
}

/** The other mark: that bytes are the ones everybody gets says nothing about what they do. */
function vettedLine(authentic: number): string[] {
  return authentic === 0 ? [] : [`- ${authentic} not vetted here: nothing was examined for what it does`];
}

function skippedLine({ skipped }: Report): string {
  const { bundled, links, folders, patched } = skipped;
  const patches = patched === 0 ? "" : `, ${patched} patched from others`;
  return `- ${bundled} bundled in others, ${links} links, ${folders} workspace folders${patches}`;
}

function missingGroups(missing: readonly MissingPackage[]): string[] {
  const [allowed, others] = [missing.filter((each) => each.allowed), missing.filter((each) => !each.allowed)];
  return [
    ...missingGroup(`✗ ${others.length} missing: not proven to be in a trusted log`, others),
    ...missingGroup(`! ${allowed.length} missing, allowed: from a registry of which no log is trusted`, allowed),
  ];
}

/** A reason that several share, such as a log that is not trusted, is said once. */
function missingGroup(title: string, missing: readonly MissingPackage[]): string[] {
  const rows = [...Map.groupBy(missing, ({ reason }) => reason)].map(([reason, sharing]) => {
    const [first = "", ...others] = sharing.map(titled);
    return others.length === 0 ? [`${first}: ${reason}`] : [`${reason}:`, `  ${inOneRow([first, ...others])}`];
  });
  return section(title, rows);
}

function group<T>(mark: string, title: string, items: readonly T[], rows: (item: T) => readonly string[]): string[] {
  return section(`${mark} ${items.length} ${title}`, items.map(rows));
}

function section(title: string, items: readonly (readonly string[])[]): string[] {
  if (items.length === 0) return [];
  const more = items.length - maxListed;
  return [
    title,
    ...items.slice(0, maxListed).flatMap((rows) => rows.map((row) => `    ${row}`)),
    ...(more > 0 ? [`    … and ${more} more; --json lists all`] : []),
  ];
}

function inOneRow(names: readonly string[]): string {
  const more = names.length - maxListed;
  return `${names.slice(0, maxListed).join(", ")}${more > 0 ? ` and ${more} more; --json lists all` : ""}`;
}

function titled({ name, version }: { readonly name: string; readonly version: string }): string {
  return version === "" ? name : `${name}@${version}`;
}

function places({ paths }: Pick<ReportedPackage, "paths">): string {
  const [first = "", ...others] = paths;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

const consistencyWords: Readonly<Record<Consistency, string>> = {
  first: "the first checkpoint of this log seen here",
  same: "the same as last time",
  extends: "extends the last checkpoint seen",
  older: "older than the last checkpoint seen, and of the same history",
  "not-compared": "not compared with the last checkpoint seen, which has another size (offline)",
};

function checkpointLine({ origin, size, consistency, cosignatures, age, successor }: CheckpointReport): string {
  const by = cosignatures.length === 0 ? "" : ` Cosigned by ${cosignatures.map(({ witness }) => witness).join(", ")}.`;
  const after = successor === undefined ? ageWords(age) : endWords(successor);
  return `Log ${origin}, ${size} entries: ${consistencyWords[consistency]}.${by}${after}`;
}

function endWords({ origin, trusted }: NonNullable<CheckpointReport["successor"]>): string {
  const hint = trusted ? "" : ", which is not trusted here: assay trust add log";
  return ` It has ended, and goes on in ${origin}${hint}.`;
}

function ageWords(age: CheckpointReport["age"]): string {
  if (age === undefined) return "";
  const old = durationWords(age.seconds);
  return age.by === "witnesses"
    ? ` Its witnesses saw it ${old} ago.`
    : ` Its newest record known is ${old} old, by the log's own clock: without witnesses nobody else vouches for its age.`;
}

function durationWords(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
  ] as const;
  const [size, unit] = units.find(([each]) => seconds >= 2 * each) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function verdict(report: Report, unverifiable: number): string {
  if (report.mismatching.length > 0)
    return "Do not install from this lockfile: find out where the other bytes come from.";
  if (report.superseded.length > 0)
    return "The log replaced versions that this lockfile has: decide on each before you install.";
  if (report.refused.length > 0) return "Proofs were refused: nothing that rests on them counts.";
  if (report.missing.some(({ allowed }) => !allowed)) return "Not everything is proven to be what the log binds.";
  const { throughRecord } = report;
  if (throughRecord.some(({ served }) => served.as === "other-bytes"))
    return "Do not install through this registry: find out where the other bytes come from.";
  if (throughRecord.some(({ served }) => served.as === "nothing"))
    return "Not every tarball could be fetched and hashed.";
  if (throughRecord.some((each) => !each.accepted))
    return "Everything is in the log, but this lockfile does not pin the tarballs; read the lines on through-record.";
  if (unverifiable > 0) return "Some packages cannot be verified; allow each that was reviewed with --allow <name>.";
  if (throughRecord.length > 0)
    return "Every version that this lockfile names is in the log; what through-record says of their bytes was accepted.";
  return report.verified.length === 0
    ? "Nothing in this lockfile comes from a registry."
    : report.missing.length + report.unverifiable.length > 0
      ? "Everything that this lockfile installs is what the log binds, but for what was allowed not to be."
      : "Everything that this lockfile installs is what the log binds.";
}
