import { AssayError, type PackageName } from "@assay/core";
import type { Reader } from "../../platform/database/database.ts";
import { readDocumentRow } from "../store.ts";

/** `_rev` of a document: clients hand it back with what they change. */
export function revisionText(revision: number): string {
  return String(revision);
}

/**
 * Whether a change is of the document as it is now; a client that sends no revision does not ask. Throws NOT_FOUND
 * where there is no package, CONFLICT when it changed since it was read.
 */
export async function requireRevision(reader: Reader, name: PackageName, revision: unknown): Promise<void> {
  const row = await readDocumentRow(reader, name);
  if (row === undefined) throw new AssayError("NOT_FOUND", { what: `The package ${name}` });
  if (revision === undefined || revision === revisionText(row.revision)) return;
  throw new AssayError("CONFLICT", { reason: `${name} changed since it was read; read it again` });
}
