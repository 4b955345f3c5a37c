import type { Integrity, PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/** A package's statement that it moved, and what became of it. */
export interface FoundDelegation {
  readonly name: PackageName;
  /** `found`: to be looked into. `asking`: a person decides. `active`: in force. `refused`: a person said no. */
  readonly state: "found" | "asking" | "active" | "refused";
  /** The release that says it. */
  readonly version: Version;
  readonly integrity: Integrity;
  readonly signer: string;
  readonly fromAlias: string;
  readonly fromUrl: string;
  readonly toUrl: string;
  /** Why it is not in force yet; undefined when nothing is in its way. */
  readonly problem: string | undefined;
  readonly foundAtMs: number;
  readonly decidedAtMs: number | undefined;
}

export async function readDelegations(reader: Reader): Promise<readonly FoundDelegation[]> {
  const rows = await reader.withTables<Tables>().selectFrom("delegations").selectAll().orderBy("name").execute();
  return rows.map(fromRow);
}

/** Puts the statement in place of an earlier one of the same package. */
export async function putDelegation(transaction: Transaction, found: FoundDelegation): Promise<void> {
  const { name, ...columns } = toRow(found);
  await transaction
    .withTables<Tables>()
    .insertInto("delegations")
    .values({ name, ...columns })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(columns))
    .execute();
}

export async function readDelegation(reader: Reader, name: PackageName): Promise<FoundDelegation | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("delegations")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Names that live elsewhere, with the alias of the registry that owns each. */
export async function readDelegatedNames(reader: Reader): Promise<ReadonlyMap<PackageName, string>> {
  const rows = await reader.withTables<Tables>().selectFrom("delegated_names").selectAll().execute();
  return new Map(rows.map(({ name, alias }) => [name as PackageName, alias]));
}

export async function putDelegatedName(transaction: Transaction, name: PackageName, alias: string): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("delegated_names")
    .values({ name, alias })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ alias }))
    .execute();
}

function fromRow(row: Tables["delegations"]): FoundDelegation {
  return {
    name: row.name as PackageName,
    state: row.state as FoundDelegation["state"],
    version: row.version as Version,
    integrity: row.integrity as Integrity,
    signer: row.signer,
    fromAlias: row.from_alias,
    fromUrl: row.from_url,
    toUrl: row.to_url,
    problem: row.problem ?? undefined,
    foundAtMs: row.found_at_ms,
    decidedAtMs: row.decided_at_ms ?? undefined,
  };
}

function toRow(found: FoundDelegation): Tables["delegations"] {
  return {
    name: found.name,
    state: found.state,
    version: found.version,
    integrity: found.integrity,
    signer: found.signer,
    from_alias: found.fromAlias,
    from_url: found.fromUrl,
    to_url: found.toUrl,
    problem: found.problem ?? null,
    found_at_ms: found.foundAtMs,
    decided_at_ms: found.decidedAtMs ?? null,
  };
}
