import type { Database } from "../../platform/database/database.ts";
import type { SearchIndex } from "./search-index.ts";
import { createPostgresSearch } from "./store-postgres.ts";
import { createSqliteSearch } from "./store-sqlite.ts";

/** The index in this database. */
export function openSearchIndex(database: Database): SearchIndex {
  return database.engine === "sqlite" ? createSqliteSearch(database) : createPostgresSearch(database);
}
