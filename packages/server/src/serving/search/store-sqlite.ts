import type { PackageName } from "@assay/core";
import { sql, type RawBuilder } from "kysely";
import type { Database } from "../../platform/database/database.ts";
import { entryOf, isIndexed, rowOf, type SearchTables } from "./store.ts";
import type { SearchIndex } from "./search-index.ts";
import { hostedTerm, termsOf, type Clause, type Match } from "./terms.ts";

/**
 * The index on SQLite: FTS5 holds the terms without positions or text, under the ids of `search_packages`. Reads run in
 * this thread, so what a page costs is a stall: the names are sorted before any entry is read.
 */
export function createSqliteSearch({ read }: Pick<Database, "read">): SearchIndex {
  const tables = read.withTables<SearchTables>();

  return {
    async put(transaction, entry) {
      const row = rowOf(entry);
      const { id } = await transaction
        .withTables<SearchTables>()
        .insertInto("search_packages")
        .values(row)
        .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
        .returning("id")
        .executeTakeFirstOrThrow();
      await sql`delete from search_terms where rowid = ${id}`.execute(transaction);
      await sql`insert into search_terms (rowid, terms) values (${id}, ${termsOf(entry).join(" ")})`.execute(
        transaction,
      );
    },
    async remove(transaction, name) {
      const gone = await transaction
        .withTables<SearchTables>()
        .deleteFrom("search_packages")
        .where("name", "=", name)
        .returning("id")
        .executeTakeFirst();
      if (gone !== undefined) await sql`delete from search_terms where rowid = ${gone.id}`.execute(transaction);
    },
    async clear(transaction) {
      await transaction.withTables<SearchTables>().deleteFrom("search_packages").execute();
      await sql`delete from search_terms`.execute(transaction);
    },
    has: isIndexed,
    async hosted(match) {
      if (match.all.length === 0) return [];
      const clauses = [...match.all, [{ text: hostedTerm, isPrefix: false }]];
      const { rows } = await sql<{ name: PackageName }>`
        select name from search_packages where id in (${matching(clauses)})
      `.execute(read);
      return rows.map(({ name }) => name);
    },
    async page(match, { hidden, from, size }) {
      if (match.all.length === 0) return { total: 0, entries: [] };
      const { rows: counted } = await sql<{ total: number }>`
        select count(*) as total from (${matching(match.all)})
      `.execute(read);
      const { rows: ordered } = await sql<{ id: number }>`
        select id from search_packages
        where id in (${matching(match.all)}) and name not in (select value from json_each(${JSON.stringify(hidden)}))
        order by ${rankOf(match)} length(name), name
        limit ${size} offset ${from}
      `.execute(read);
      const ids = ordered.map(({ id }) => id);
      const found = await tables.selectFrom("search_packages").select(["id", "entry"]).where("id", "in", ids).execute();
      const byId = new Map(found.map(({ id, entry }) => [id, entry]));
      return {
        total: (counted[0]?.total ?? 0) - hidden.length,
        entries: ids.flatMap((id) => entryOf(byId.get(id))),
      };
    },
  };
}

function rankOf({ exact, inNames, inKeywords }: Match): RawBuilder<number> {
  if (exact === "") return sql``;
  return sql`case
    when folded = ${exact} then 0
    when unscoped = ${exact} then 1
    when substr(folded, 1, length(${exact})) = ${exact} or substr(unscoped, 1, length(${exact})) = ${exact} then 2
    when id in (${matching(inNames)}) then 3
    when id in (${matching(inKeywords)}) then 4
    else 5 end,`;
}

/** A select of the ids of what satisfies all clauses. Terms are letters and digits; the quotes are FTS5's own. */
function matching(clauses: readonly Clause[]): RawBuilder<number> {
  const query = clauses
    .map((clause) => `(${clause.map(({ text, isPrefix }) => `"${text}"${isPrefix ? "*" : ""}`).join(" OR ")})`)
    .join(" AND ");
  return sql`select rowid from search_terms where search_terms match ${query}`;
}
