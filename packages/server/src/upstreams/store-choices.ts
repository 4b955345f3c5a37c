import type { Reader, Transaction } from "../platform/database/database.ts";
import type { SourceChoice } from "./source-choice.ts";

/** Who may choose sources. */
export interface Chooser {
  readonly label: string;
  readonly createdAtMs: number;
  readonly choice: SourceChoice | undefined;
}

interface ChooserRow {
  /** SHA-256 of the token, hex. */
  readonly digest: string;
  readonly label: string;
  /** JSON of a `SourceChoice`. */
  readonly choice: string | null;
  readonly created_at_ms: number;
}

type Tables = { source_choosers: ChooserRow };

/** False when the label is taken. */
export async function addChooser(transaction: Transaction, row: Omit<ChooserRow, "choice">): Promise<boolean> {
  const added = await transaction
    .withTables<Tables>()
    .insertInto("source_choosers")
    .values({ ...row, choice: null })
    .onConflict((conflict) => conflict.column("label").doNothing())
    .returning("label")
    .executeTakeFirst();
  return added !== undefined;
}

export async function removeChooser(transaction: Transaction, label: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<Tables>()
    .deleteFrom("source_choosers")
    .where("label", "=", label)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

export async function choosers(reader: Reader): Promise<readonly Chooser[]> {
  const rows = await reader.withTables<Tables>().selectFrom("source_choosers").selectAll().orderBy("label").execute();
  return rows.map((row) => ({ label: row.label, createdAtMs: row.created_at_ms, choice: choiceIn(row) }));
}

/** What the bearer of a token chose; undefined when nobody has this token. */
export async function readChoice(
  reader: Reader,
  digest: string,
): Promise<{ readonly choice: SourceChoice | undefined } | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("source_choosers")
    .select("choice")
    .where("digest", "=", digest)
    .executeTakeFirst();
  return row && { choice: choiceIn(row) };
}

/** False when nobody has this token. */
export async function setChoice(
  transaction: Transaction,
  digest: string,
  choice: SourceChoice | undefined,
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<Tables>()
    .updateTable("source_choosers")
    .set({ choice: choice === undefined ? null : JSON.stringify(choice) })
    .where("digest", "=", digest)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

function choiceIn({ choice }: Pick<ChooserRow, "choice">): SourceChoice | undefined {
  return choice === null ? undefined : (JSON.parse(choice) as SourceChoice);
}
