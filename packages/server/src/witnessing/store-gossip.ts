import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Shown } from "./store.ts";
import type { Tables } from "./tables.ts";

/** The newest checkpoint that gossip has proven for this key. */
export async function gossipNewest(reader: Reader, vkey: string): Promise<string | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("witness_gossip_newest")
    .select("note")
    .where("vkey", "=", vkey)
    .executeTakeFirst();
  return row?.note;
}

/** Replaces it if it still is `previous`; false when it is not. Of two at once one wins. */
export async function swapGossipNewest(
  transaction: Transaction,
  vkey: string,
  previous: string | undefined,
  note: string,
): Promise<boolean> {
  if (previous === undefined)
    return (await insertRows(transaction, "witness_gossip_newest", [{ vkey, note }], { onConflict: "ignore" })) === 1;
  const result = await transaction
    .withTables<Tables>()
    .updateTable("witness_gossip_newest")
    .set({ note })
    .where("vkey", "=", vkey)
    .where("note", "=", previous)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Keeps what somebody showed, each (size, root) once. With `most` of a log nothing more is kept: false. */
export async function keepShown(
  transaction: Transaction,
  shown: Shown,
  at: { readonly receivedAtMs: number; readonly most: number },
): Promise<boolean> {
  const kept = await keptShown(transaction, shown.origin);
  if (kept.length >= at.most) return false;
  const { origin, size, root, note } = shown;
  const row = { origin, size, root, note, received_at_ms: at.receivedAtMs };
  await insertRows(transaction, "witness_gossip_kept", [row], { onConflict: "ignore" });
  return true;
}

/** What is kept of a log, the smallest tree first. */
export async function keptShown(reader: Reader, origin: string): Promise<readonly Shown[]> {
  return await reader
    .withTables<Tables>()
    .selectFrom("witness_gossip_kept")
    .select(["origin", "size", "root", "note"])
    .where("origin", "=", origin)
    .orderBy("size")
    .execute();
}

/** The logs of which something is kept. */
export async function keptOrigins(reader: Reader): Promise<readonly string[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("witness_gossip_kept")
    .select("origin")
    .distinct()
    .orderBy("origin")
    .execute();
  return rows.map(({ origin }) => origin);
}

/** Forgets what was kept, once it was compared. */
export async function forgetShown(transaction: Transaction, { origin, size, root }: Shown): Promise<void> {
  await transaction
    .withTables<Tables>()
    .deleteFrom("witness_gossip_kept")
    .where("origin", "=", origin)
    .where("size", "=", size)
    .where("root", "=", root)
    .execute();
}
