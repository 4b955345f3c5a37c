import type { PackageName, Version } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** Where a release was proven before it came here. */
export interface ImportProof {
  readonly name: PackageName;
  readonly version: Version;
  readonly origin: string;
  readonly index: number;
  /** `sha256-<base64>` of the bundle, which is the blob `proof/…`. */
  readonly digest: string;
}

/** Refers to the proofs of imported releases; those that are known stay. */
export async function addProofs(
  transaction: Transaction,
  proofs: readonly ImportProof[],
  nowMs: number,
): Promise<void> {
  await insertRows(
    transaction,
    "import_proofs",
    proofs.map(({ name, version, origin, index, digest }) => ({
      name,
      version,
      origin,
      idx: index,
      digest,
      imported_at_ms: nowMs,
    })),
    { onConflict: "ignore" },
  );
}

export interface SeenCheckpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

/** Remembers a tree of a foreign log; answers what is remembered of that size, if something was. */
export async function seenCheckpoint(
  transaction: Transaction,
  { origin, size, root, note }: SeenCheckpoint,
): Promise<SeenCheckpoint | undefined> {
  const tables = transaction.withTables<Tables>();
  const seen = await tables
    .selectFrom("import_checkpoints")
    .selectAll()
    .where("origin", "=", origin)
    .where("size", "=", size)
    .executeTakeFirst();
  if (seen === undefined) await tables.insertInto("import_checkpoints").values({ origin, size, root, note }).execute();
  return seen;
}
