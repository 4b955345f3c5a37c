import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where to hang the removal: a test's context, or `{ after }` of node:test inside a suite. */
export interface Cleanup {
  after(work: () => void | Promise<void>): void;
}

/** Makes an empty folder that is removed, with all in it, when the test or suite ends. Answers its path. */
export function tempFolder(cleanup: Cleanup): string {
  const path = mkdtempSync(join(tmpdir(), "assay-test-"));
  cleanup.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
