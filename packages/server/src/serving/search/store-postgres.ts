import type { PackageName } from "@assay/core";
import { sql, type RawBuilder } from "kysely";
import type { Database } from "../../platform/database/database.ts";
import { entryOf, isIndexed, rowOf, type SearchTables } from "./store.ts";
import type { SearchIndex } from "./search-index.ts";
import { hostedTerm, termsOf, type Clause, type Match } from "./terms.ts";

/** The index on PostgreSQL: the terms of a package are a tsvector beside it, made without any dictionary. */
export function createPostgresSearch({ read }: Pick<Database, "read">): SearchIndex {
  return {
    async put(transaction, entry) {
      const row = rowOf(entry);
      const withTerms = { ...row, terms: sql<string>`${quoted(termsOf(entry))}::tsvector` };
      await transaction
        .withTables<SearchTables>()
        .insertInto("search_packages")
        .values(withTerms)
        .onConflict((conflict) => conflict.column("name").doUpdateSet(withTerms))
        .execute();
    },
    async remove(transaction, name) {
      await transaction.withTables<SearchTables>().deleteFrom("search_packages").where("name", "=", name).execute();
    },
    async clear(transaction) {
      await transaction.withTables<SearchTables>().deleteFrom("search_packages").execute();
    },
    has: isIndexed,
    async hosted(match) {
      if (match.all.length === 0) return [];
      const clauses = [...match.all, [{ text: hostedTerm, isPrefix: false }]];
      const { rows } = await sql<{ name: PackageName }>`
        select name from search_packages where terms @@ ${matching(clauses)}
      `.execute(read);
      return rows.map(({ name }) => name);
    },
    async page(match, { hidden, from, size }) {
      if (match.all.length === 0) return { total: 0, entries: [] };
      const counting = sql<{ total: number }>`
        select count(*) as total from search_packages where terms @@ ${matching(match.all)}
      `.execute(read);
      const paging = sql<{ entry: string }>`
        select entry from search_packages
        where terms @@ ${matching(match.all)} and name not in (select jsonb_array_elements_text(${JSON.stringify(hidden)}::jsonb))
        order by ${rankOf(match)} length(name), name
        limit ${size} offset ${from}
      `.execute(read);
      const [counted, found] = await Promise.all([counting, paging]);
      return {
        total: (counted.rows[0]?.total ?? 0) - hidden.length,
        entries: found.rows.flatMap(({ entry }) => entryOf(entry)),
      };
    },
  };
}

function rankOf({ exact, inNames, inKeywords }: Match): RawBuilder<number> {
  if (exact === "") return sql``;
  return sql`case
    when folded = ${exact} then 0
    when unscoped = ${exact} then 1
    when starts_with(folded, ${exact}) or starts_with(unscoped, ${exact}) then 2
    when terms @@ ${matching(inNames)} then 3
    when terms @@ ${matching(inKeywords)} then 4
    else 5 end,`;
}

function quoted(terms: readonly string[]): string {
  return terms.map((term) => `'${term}'`).join(" ");
}

/** Terms are letters and digits; the quotes keep PostgreSQL from reading anything into them. */
function matching(clauses: readonly Clause[]): RawBuilder<string> {
  const query = clauses
    .map((clause) => `(${clause.map(({ text, isPrefix }) => `'${text}'${isPrefix ? ":*" : ""}`).join(" | ")})`)
    .join(" & ");
  return sql`${query}::tsquery`;
}
