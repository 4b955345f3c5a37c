import { DatabaseSync } from "node:sqlite";
import { AssayError } from "@assay/core";

/**
 * Makes sure that one server at a time works in a folder. The lock is SQLite's own on a file of its own, so the
 * kernel frees it when the process dies, however it dies. Throws CONFIG while another process holds it; `flag` names
 * another folder.
 */
export function lockFolder(path: string, flag = "--data"): Disposable {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    file.exec("pragma journal_mode = delete; begin exclusive");
  } catch (cause) {
    file.close();
    throw new AssayError(
      "CONFIG",
      {
        reason: `Another Assay already works in this data folder (${path} is locked); stop it, or give this one its own folder with ${flag}.`,
      },
      { cause },
    );
  }
  return { [Symbol.dispose]: () => file.close() };
}
