import type { Database } from "./database.ts";
import { createPostgresDatabase, type PostgresDeps } from "./postgres.ts";
import { createSqliteDatabase } from "./sqlite.ts";

export type DatabaseLocation =
  | { readonly engine: "sqlite"; readonly path: string }
  | { readonly engine: "postgres"; readonly url: string };

/** Opens the configured database. Run `runMigrations` before anything else uses it. */
export function openDatabase(deps: PostgresDeps, location: DatabaseLocation): Promise<Database> {
  return location.engine === "sqlite"
    ? createSqliteDatabase({ path: location.path })
    : createPostgresDatabase(deps, { url: location.url });
}
