/** Which test files there are, and which of them run in one process. */
import { globSync } from "node:fs";
import path from "node:path";

/** Test files that run together in one child process. */
export interface TestGroup {
  readonly name: string;
  readonly kind: "unit" | "system";
  /** Paths relative to the repository. */
  readonly files: readonly string[];
}

const patterns = [
  "packages/*/src/**/*.test.{ts,tsx}",
  "packages/*/test/**/*.test.{ts,tsx}",
  "tools/**/*.test.ts",
  "bench/**/*.test.ts",
];

/**
 * Every test file of the repository: the unit tests of a package share a process (starting one costs more
 * than most files take), each whole-system test file gets its own.
 */
export function findTestGroups(repository: string, filter: string | undefined): readonly TestGroup[] {
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: repository }))
    .filter((file) => !file.includes("node_modules"))
    .filter((file) => filter === undefined || file.includes(filter))
    .toSorted();
  const unit = new Map<string, string[]>();
  const system: TestGroup[] = [];
  for (const file of files) {
    if (file.startsWith("packages/server/test/")) {
      system.push({ name: path.basename(file, ".test.ts"), kind: "system", files: [file] });
      continue;
    }
    const parts = file.split(path.sep);
    const owner = (parts[0] === "packages" ? parts[1] : parts[0]) ?? "other";
    unit.set(owner, [...(unit.get(owner) ?? []), file]);
  }
  const units = [...unit].map(([name, own]) => ({ name, kind: "unit" as const, files: own }));
  return [...units, ...system];
}
