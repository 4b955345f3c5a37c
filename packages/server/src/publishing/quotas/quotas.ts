import { AssayError, type PackageName, type Version } from "@assay/core";
import type { Checksums } from "../../checksums/checksums.ts";
import type { QuotaRule } from "../../config/config.ts";
import type { HostedNames } from "../../identity/identity.ts";
import type { Database, Reader, Transaction } from "../../platform/database/database.ts";
import { liveVersions } from "../store.ts";
import { addUsage, insertUsage, readUsage, stagedSizes, type Usage } from "./store.ts";

/** What an organisation may have at most; what is left out, any number of. */
export type Quota = Partial<Usage>;

/** How much organisations have here, and may have. */
export interface Quotas {
  /** The rules of `publish.quotas` for one organisation: what names it counts before what is of all. */
  of(organisation: string): Quota;

  /** What it has; one that was not counted before is from then on. */
  usage(database: Pick<Database, "read" | "write">, organisation: string): Promise<Usage>;

  /**
   * Returns when so much more of a package fits, a new package counting as one; what was not counted before is, as by
   * `usage`. Throws FORBIDDEN, which says used, allowed and whom to ask. For whoever may write the package: it tells of
   * its organisation.
   */
  requireRoom(
    database: Pick<Database, "read" | "write">,
    name: PackageName,
    more: Omit<Usage, "packages">,
  ): Promise<void>;

  /**
   * Notes in the transaction of a change what it brought and took. Of two at once that would both fit alone, the one that
   * comes second throws FORBIDDEN. Call it behind the change.
   */
  count(transaction: Transaction, name: PackageName, more: Usage): Promise<void>;
}

export interface QuotasDeps {
  readonly names: Pick<HostedNames, "organisationOf" | "listed">;
  readonly checksums: Pick<Checksums, "bindsOf">;
}

export const measures = ["packages", "versions", "sizeBytes"] as const;

/**
 * Usage as a row for each organisation that has a quota, or was asked about, made of what is there when it is first needed and
 * from then on changed in the transactions of the changes: concurrent ones meet at that row, on both engines. An organisation
 * without such a row costs its publishes nothing.
 */
export function createQuotas({ names, checksums }: QuotasDeps, rules: readonly QuotaRule[]): Quotas {
  const of = (organisation: string): Quota => quotaOf(rules, organisation);

  async function counted(reader: Reader, organisation: string): Promise<Usage> {
    let packages = 0;
    let versions = 0;
    let sizeBytes = 0;
    for (const name of await names.listed(reader, organisation)) {
      const live = await liveVersions(reader, name);
      if (live.length === 0) continue;
      packages++;
      versions += live.length;
      const binds = await checksums.bindsOf(name, reader);
      for (const { version } of live) sizeBytes += binds.get(version as Version)?.sizeBytes ?? 0;
    }
    for (const staged of await stagedSizes(reader)) {
      if (names.organisationOf(staged.name) !== organisation) continue;
      versions++;
      sizeBytes += staged.sizeBytes;
    }
    return { packages, versions, sizeBytes };
  }

  /** Counts it from then on. */
  async function countAll(transaction: Transaction, organisation: string): Promise<Usage> {
    const known = await readUsage(transaction, organisation);
    if (known !== undefined) return known;
    const usage = await counted(transaction, organisation);
    await insertUsage(transaction, organisation, usage);
    return usage;
  }

  async function usage({ read, write }: Pick<Database, "read" | "write">, organisation: string): Promise<Usage> {
    const known = await readUsage(read, organisation);
    return known ?? (await write((transaction) => countAll(transaction, organisation)));
  }

  return {
    of,
    usage,

    async requireRoom(database, name, more) {
      const organisation = names.organisationOf(name);
      if (organisation === undefined) return;
      const quota = of(organisation);
      if (Object.keys(quota).length === 0) return;
      const used = await usage(database, organisation);
      const isNew = (await liveVersions(database.read, name)).length === 0;
      refuseOver(organisation, quota, used, { ...more, packages: Number(isNew) });
    },

    async count(transaction, name, more) {
      const organisation = names.organisationOf(name);
      if (organisation === undefined) return;
      const quota = of(organisation);
      let now = await addUsage(transaction, organisation, more);
      if (now === undefined) {
        if (Object.keys(quota).length === 0) return;
        now = await countAll(transaction, organisation);
      }
      const before = Object.fromEntries(measures.map((measure) => [measure, now[measure] - more[measure]]));
      refuseOver(organisation, quota, before as unknown as Usage, more);
    },
  };
}

/** What rules say of one organisation: each measure by the rule that names it, else by that of all. Pure. */
export function quotaOf(rules: readonly QuotaRule[], organisation: string): Quota {
  return Object.fromEntries(
    measures.flatMap((measure) => {
      const about = (whose: string | undefined): QuotaRule | undefined =>
        rules.find((rule) => rule.measure === measure && rule.organisation === whose);
      const rule = about(organisation) ?? about(undefined);
      return rule === undefined ? [] : [[measure, rule.most]];
    }),
  );
}

/** What an organisation has of each measure, and may have at most, as people read it; undefined: any number. */
export async function usageInWords(
  { database, quotas }: { readonly database: Pick<Database, "read" | "write">; readonly quotas: Quotas },
  organisation: string,
): Promise<readonly { readonly what: string; readonly used: string; readonly most: string | undefined }[]> {
  const quota = quotas.of(organisation);
  const used = await quotas.usage(database, organisation);
  return measures.map((measure) => {
    const most = quota[measure];
    return {
      what: titles[measure],
      used: amount(measure, used[measure]),
      most: most === undefined ? undefined : amount(measure, most),
    };
  });
}

const titles = { packages: "Packages", versions: "Versions, with staged ones", sizeBytes: "Tarballs" } as const;

/** What takes away is never refused, nor what adds where there is room, though of something else there is too much. */
function refuseOver(organisation: string, quota: Quota, used: Usage, more: Usage): void {
  for (const measure of measures) {
    const most = quota[measure];
    if (most === undefined || more[measure] <= 0 || used[measure] + more[measure] <= most) continue;
    throw new AssayError("FORBIDDEN", {
      reason:
        `the organisation ${organisation} has ${amount(measure, used[measure])} of at most ${amount(measure, most)} ` +
        `(publish.quotas), and this adds ${amount(measure, more[measure])}; take back what is not needed, or ask ` +
        `whoever runs this registry for more`,
    });
  }
}

/** As people read it: `3 packages`, `1.5 MiB`. */
export function amount(measure: keyof Usage, value: number): string {
  if (measure !== "sizeBytes") return `${value} ${value === 1 ? measure.slice(0, -1) : measure}`;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(Math.max(Math.floor(Math.log2(Math.max(value, 1)) / 10), 0), units.length - 1);
  const scaled = value / 1024 ** at;
  return `${at === 0 || Number.isInteger(scaled) ? scaled : scaled.toFixed(1)} ${units[at] ?? ""}`;
}
