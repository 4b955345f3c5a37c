import { gunzipOneMember } from "./gunzip.ts";
import {
  type AcceptedArchive,
  type ArchiveFinding,
  type ArchiveLimits,
  ArchiveRefused,
  type ArchiveReport,
  printable,
} from "./report.ts";
import { type FileWatch, type TarContents, createTarReader } from "./tar-reader.ts";

export type { ArchiveFile, ArchiveFinding, ArchiveLimits, ArchiveReport } from "./report.ts";
export type { FileSink, FileWatch } from "./tar-reader.ts";

/** Above this many unpacked bytes the ratio counts. */
const ratioAboveBytes = 50 * 1024 * 1024;
/** Largest unpacked ÷ packed. The largest seen in real packages is 33. */
const maxRatio = 100;

/**
 * Reads a package archive (tar in gzip) strictly, as it streams, and says what every client will extract, or
 * why clients would not agree. Rules: docs/formats/archive-rules.md.
 *
 * `packedBytes` is the size of the whole source; it sets the decompression limit. Memory: one file record
 * an entry, never contents (package.json and extended headers aside, each at most 1 MiB). Refusals are
 * answers; only errors of the source are thrown, and those of `watch`, which is shown every file as it passes.
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  packedBytes: number,
  limits: ArchiveLimits,
  watch?: FileWatch,
): Promise<ArchiveReport> {
  const reader = createTarReader(limits.entries, watch);
  const ratioBytes = Math.max(ratioAboveBytes, packedBytes * maxRatio);
  const maxBytes = Math.min(limits.unpackedBytes, ratioBytes);
  try {
    const outcome = await gunzipOneMember(source, maxBytes, (bytes) => reader.push(bytes));
    const contents = reader.finish();
    const findings = [...contents.findings, ...nameFindings(contents)];
    if (outcome.paddingBytes > 0) {
      findings.push({
        rule: "archive/zero-padding",
        detail: `${outcome.paddingBytes} zero bytes after the gzip member`,
      });
    }
    return { verdict: "accepted", ...checkContents(contents), unpackedBytes: outcome.unpackedBytes, findings };
  } catch (error) {
    if (!(error instanceof ArchiveRefused)) throw error;
    return { verdict: "refused", rule: error.rule, reason: error.reason, findings: [] };
  }
}

function checkContents(contents: TarContents): Pick<AcceptedArchive, "root" | "files" | "packageJson" | "hasGypFile"> {
  checkClashes(contents);
  if (contents.root === undefined || contents.packageJson === undefined) {
    throw new ArchiveRefused("archive/no-package-json", "the archive has no package.json in its root folder");
  }
  return {
    root: contents.root,
    files: [...contents.files.values()],
    packageJson: contents.packageJson,
    hasGypFile: [...contents.files.keys()].some((path) => !path.includes("/") && path.endsWith(".gyp")),
  };
}

/**
 * A path that is a file and a folder at once: what is left of it depends on the order and the client.
 *
 * With a separator below every other character, what lies in a folder follows the folder at once. Listing the folders
 * above each path instead would take memory and time for each of its segments: gigabytes for a crafted archive.
 */
function checkClashes({ files, directories }: TarContents): void {
  const sorted = [...files.keys(), ...directories].map((path) => path.replaceAll("/", "\0")).sort();
  for (const [i, next] of sorted.entries()) {
    const path = sorted[i - 1];
    if (path === undefined || (next !== path && !next.startsWith(`${path}\0`))) continue;
    const shown = path.replaceAll("\0", "/");
    if (files.has(shown)) {
      throw new ArchiveRefused("archive/file-and-folder", `${printable(shown)} is a file and a folder`);
    }
  }
}

/** Names that become one on file systems which fold case or normalise, and names that tools obey. */
function nameFindings({ files }: TarContents): ArchiveFinding[] {
  const findings: ArchiveFinding[] = [];
  const folded = new Map<string, string>();
  for (const path of files.keys()) {
    const key = path.normalize("NFC").toLowerCase();
    const twin = folded.get(key);
    if (twin !== undefined) {
      findings.push({
        rule: "archive/twin-names",
        detail: `${printable(twin)} and ${printable(path)} are one file on some systems`,
      });
      break;
    }
    folded.set(key, path);
  }
  for (const [rule, pattern] of toolFiles) {
    const path = files.keys().find((candidate) => pattern.test(candidate));
    if (path !== undefined) findings.push({ rule, detail: printable(path) });
  }
  return findings;
}

const toolFiles: readonly (readonly [string, RegExp])[] = [
  ["archive/git-folder", /(^|\/)\.git\//],
  ["archive/npmrc", /^\.npmrc$/],
];
