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
  // Hooks run in the order of their making, so what writes here may not be closed yet: a file that appears while the
  // folder is emptied is no reason to fail.
  cleanup.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return path;
}
