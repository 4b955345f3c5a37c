/** Which test files there are, which of them run in one process, and which process starts first. */
import { globSync } from "node:fs";
import path from "node:path";

/** `unit24`: unit tests of what meets Node most closely once more, on Node 24, the oldest Node that runs Assay. */
export type TestKind = "unit" | "unit24" | "system";

/** Test files that run together in one child process. */
export interface TestGroup {
  readonly name: string;
  readonly kind: TestKind;
  /** Paths relative to the repository. */
  readonly files: readonly string[];
  /** How long it is expected to run, whole seconds. */
  readonly seconds: number;
}

/** How long each test file ran when that was last recorded; what is missing is short. */
export type SecondsByFile = Readonly<Record<string, number>>;

/** The unit tests of a package are dealt out to several processes when they run for longer than this together. */
const unitGroupSeconds = 40;

/** What people run on a Node of their own, and where the server meets Node's library. */
const meetsNode = /^packages\/(?:core|verify|cli|server\/src\/(?:platform|http|config|upstreams))\//;
/** What a Node lacks shows in the first seconds: files that run this long run on the pinned Node only. */
const longSeconds = 4;

/** System tests that `--short` leaves out, some minutes each. */
const longSystemTests = new Set(["audit-signatures", "e2e-cli-more", "lies-compared", "remote-log", "sources"]);

const patterns = [
  "packages/*/src/**/*.test.{ts,tsx}",
  "packages/*/test/**/*.test.{ts,tsx}",
  "tools/**/*.test.ts",
  "bench/**/*.test.ts",
];

/** True for what is left out where time is short. */
export function isLong({ kind, name }: TestGroup): boolean {
  return kind === "system" && longSystemTests.has(name);
}

/**
 * Every test file of the repository, the longest group first: the unit tests of a package share as few processes as
 * keep each short (starting one costs more than most files take), each whole-system test file gets its own.
 */
export function findTestGroups(
  repository: string,
  filter: string | undefined,
  secondsByFile: SecondsByFile,
): readonly TestGroup[] {
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: repository }))
    .filter((file) => !file.includes("node_modules"))
    .filter((file) => filter === undefined || file.includes(filter))
    .toSorted();
  const secondsOf = (own: readonly string[]) => own.reduce((sum, file) => sum + (secondsByFile[file] ?? 0), 0);
  const unit = new Map<string, string[]>();
  const system: TestGroup[] = [];
  for (const file of files) {
    if (file.startsWith("packages/server/test/")) {
      const name = path.basename(file, ".test.ts");
      system.push({ name, kind: "system", files: [file], seconds: secondsOf([file]) });
      continue;
    }
    const parts = file.split(path.sep);
    const owner = (parts[0] === "packages" ? parts[1] : parts[0]) ?? "other";
    unit.set(owner, [...(unit.get(owner) ?? []), file]);
  }
  const unitGroups = (kind: TestKind, takes: (file: string) => boolean): readonly TestGroup[] =>
    [...unit].flatMap(([owner, all]) => {
      const own = all.filter(takes);
      const hands = dealOut(own, Math.ceil(secondsOf(own) / unitGroupSeconds), secondsByFile);
      return hands.map((hand, index) => ({
        name: hands.length === 1 ? owner : `${owner} ${index + 1}/${hands.length}`,
        kind,
        files: hand,
        seconds: secondsOf(hand),
      }));
    });
  return [
    ...unitGroups("unit", () => true),
    ...unitGroups("unit24", (file) => meetsNode.test(file) && (secondsByFile[file] ?? 0) < longSeconds),
    ...system,
  ].toSorted((a, b) => b.seconds - a.seconds);
}

/** Into `count` parts of about equal length: the longest file first, each to the part that is shortest so far. */
function dealOut(files: readonly string[], count: number, secondsByFile: SecondsByFile): readonly string[][] {
  const parts = Array.from({ length: Math.max(1, count) }, () => ({ files: [] as string[], seconds: 0 }));
  const cost = (file: string) => secondsByFile[file] ?? 0.2;
  for (const file of files.toSorted((a, b) => cost(b) - cost(a))) {
    const shortest = parts.reduce((least, part) => (part.seconds < least.seconds ? part : least));
    shortest.files.push(file);
    shortest.seconds += cost(file);
  }
  return parts.map((part) => part.files.toSorted()).filter((part) => part.length > 0);
}
