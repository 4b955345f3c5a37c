import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { HostedNames } from "../names/names.ts";
import type { Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import type { StarTables } from "./tables.ts";

export { starMigrations } from "./migrations.ts";

/** Packages that people marked for themselves, as `npm star` does. */
export interface Stars {
  /**
   * Throws UNAUTHORIZED for strangers, FORBIDDEN for who is no person or has a token that changes nothing, NOT_FOUND for
   * a package that may not be read or is not there, and BAD_REQUEST beyond 1,000.
   */
  set(principal: Principal, name: PackageName, isStarred: boolean): Promise<void>;
  /** What somebody marked and the principal may read, by name. Nobody with that name: nothing. */
  of(principal: Principal, person: string): Promise<readonly PackageName[]>;
}

/** Of one person. */
const most = 1000;

export interface StarsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
  readonly permissions: Pick<Permissions, "require" | "readable">;
}

export function createStars({ database, clock, names, permissions }: StarsDeps): Stars {
  return {
    async set(principal, name, isStarred) {
      const { kind, name: person, grant } = principal;
      await permissions.require(principal, "read", { kind: "package", name });
      // In the words for what may not be read.
      if (names.organisationOf(name) !== undefined && names.find(name) === undefined)
        throw new AssayError("NOT_FOUND", { what: `The package ${name}` });
      if (kind === "anonymous") throw new AssayError("UNAUTHORIZED", { reason: "sign in to star packages" });
      if (kind !== "person") throw new AssayError("FORBIDDEN", { reason: "only people star packages" });
      if (grant !== undefined && grant.level !== "read-write")
        throw new AssayError("FORBIDDEN", { reason: `the token is ${grant.level}` });
      await database.write(async (transaction) => {
        const tables = transaction.withTables<StarTables>();
        if (!isStarred) {
          await tables.deleteFrom("stars").where("person", "=", person).where("package", "=", name).execute();
          return;
        }
        const { count } = await tables
          .selectFrom("stars")
          .select(({ fn }) => fn.countAll<number>().as("count"))
          .where("person", "=", person)
          .executeTakeFirstOrThrow();
        if (count >= most)
          throw new AssayError("BAD_REQUEST", { reason: `more than ${most} stars are not kept; take some away first` });
        await tables
          .insertInto("stars")
          .values({ person, package: name, at_ms: clock.now() })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      });
    },
    async of(principal, person) {
      const rows = await database.read
        .withTables<StarTables>()
        .selectFrom("stars")
        .select("package")
        .where("person", "=", person)
        .orderBy("package")
        .execute();
      return await permissions.readable(
        principal,
        rows.map((row) => parsePackageName(row.package)),
      );
    },
  };
}
