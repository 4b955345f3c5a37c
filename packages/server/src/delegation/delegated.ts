import type { PackageName } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import { readDelegatedNames } from "./store.ts";

/** Names that live elsewhere than the configuration says, in memory. */
export interface DelegatedNames {
  /** Alias of the registry that owns the name by delegation; undefined: as the configuration says. */
  aliasOf(name: PackageName): string | undefined;
  /** Reads the table again, and answers the names whose owner changed. */
  refresh(): Promise<readonly PackageName[]>;
}

/** Reads the table once; aliases that are no registries any more are left out, and their names are their owners' again. */
export async function openDelegatedNames(
  deps: { readonly database: Database },
  registries: ReadonlySet<string>,
): Promise<DelegatedNames> {
  const read = async (): Promise<ReadonlyMap<PackageName, string>> =>
    new Map([...(await readDelegatedNames(deps.database.read))].filter(([, alias]) => registries.has(alias)));
  let names = await read();
  return {
    aliasOf: (name) => names.get(name),
    async refresh() {
      const before = names;
      names = await read();
      const changed = new Set([...before.keys(), ...names.keys()]);
      return [...changed].filter((name) => before.get(name) !== names.get(name));
    },
  };
}
