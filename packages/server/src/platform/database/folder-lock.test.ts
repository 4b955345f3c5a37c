import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "./folder-lock.ts";

test("a folder is locked once, and free again after the lock is disposed", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-lock-"));
  const path = join(folder, "lock.db");
  try {
    const held = lockFolder(path);
    assert.throws(() => lockFolder(path), { code: "CONFIG" });
    held[Symbol.dispose]();
    lockFolder(path)[Symbol.dispose]();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
