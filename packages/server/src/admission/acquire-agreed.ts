import { AssayError, type Integrity } from "@assay/core";
import { chosenFirst, type Agreement, type TarballError, type Upstreams } from "../upstreams/upstreams.ts";
import { take, withinDeadline, type Acquired, type AcquireDeps, type Observed, type Wanted } from "./acquire.ts";
import { compareBytes } from "./compare.ts";
import type { Download } from "./download.ts";

export interface AcquireAgreedDeps extends AcquireDeps {
  readonly upstreams: Pick<Upstreams, "tarballs">;
  /** Keeps what every source served as evidence and tells of it, before the refusal. */
  readonly onDisagreement: (served: readonly Served[], reason: string) => Promise<void>;
}

/** What one source served. */
export interface Served extends Observed {
  readonly operator: string;
  readonly isOwner: boolean;
  readonly bytes: Download;
}

type Source = Agreement["sources"][number];

/**
 * `acquire` where one source is not enough: the bytes that `needed` operators serve alike, and that are what the owner
 * lists. As many are asked at once as are still needed; only when somebody fails or differs, more are.
 *
 * Who served something else is put aside once the others agree. When they do not, nobody knows who lies: nothing is
 * bound, nobody is put aside, what each served is kept, and SOURCES_DISAGREE says so. UPSTREAM_UNAVAILABLE when too
 * few answered to know.
 */
export async function acquireAgreed(
  deps: AcquireAgreedDeps,
  wanted: Wanted,
  { needed, sources }: Agreement,
): Promise<Acquired> {
  const served: Served[] = [];
  const failures: TarballError[] = [];
  let kept: Download | undefined;
  try {
    return await withinDeadline(deps.clock, async (signal) => {
      const waiting = [...chosenFirst(wanted.choice, sources, ({ alias }) => alias)];
      for (;;) {
        const group = largestGroup(wanted, served);
        const winner = operatorsOf(group) >= needed ? group[0] : undefined;
        if (winner !== undefined) {
          kept = winner.bytes;
          return await settle(deps, wanted, served, winner);
        }
        const batch = waiting.splice(0, needed - operatorsOf(group));
        if (batch.length === 0) throw await refusal(deps, wanted, needed, served, failures);
        const answers = await Promise.all(batch.map((source) => askOne(deps, wanted, source, signal)));
        for (const answer of answers) {
          if ("bytes" in answer) served.push(answer);
          else failures.push(...answer.failures);
        }
      }
    });
  } finally {
    for (const { bytes } of served) if (bytes !== kept) await bytes[Symbol.asyncDispose]();
  }
}

async function askOne(
  deps: AcquireAgreedDeps,
  wanted: Wanted,
  source: Source,
  signal: AbortSignal,
): Promise<Served | { readonly failures: readonly TarballError[] }> {
  const { name, version, listed, basis } = wanted;
  const skip = (alias: string): boolean => alias !== source.alias;
  using offers = await deps.upstreams.tarballs({ name, version, listed, isOwnerOnly: false, skip, signal });
  for (;;) {
    const offer = await offers.next();
    if (offer === undefined) return { failures: offers.failures };
    const bytes = await take(deps, offer, offers);
    if (bytes === undefined) continue;
    offers.settle(offer, undefined);
    const reason = compareBytes(basis, bytes) ?? "";
    return { name, version, source: source.alias, operator: source.operator, isOwner: source.isOwner, reason, bytes };
  }
}

/**
 * The bytes that most operators serve, of those that the basis allows. Where the listing pins no sha512, bytes that
 * the owner does not serve though it answered are nobody's.
 */
function largestGroup(wanted: Wanted, served: readonly Served[]): readonly Served[] {
  const owner = served.find(({ isOwner }) => isOwner);
  const allowed = served.filter(({ bytes }) => {
    if (compareBytes(wanted.basis, bytes) !== undefined) return false;
    return wanted.basis.kind === "sha512" || owner === undefined || owner.bytes.integrity === bytes.integrity;
  });
  const groups = Map.groupBy(allowed, ({ bytes }) => bytes.integrity);
  return [...groups.values()].reduce((best, group) => (operatorsOf(group) > operatorsOf(best) ? group : best), []);
}

function operatorsOf(group: readonly Served[]): number {
  return new Set(group.map(({ operator }) => operator)).size;
}

async function settle(
  deps: AcquireAgreedDeps,
  { name, version }: Wanted,
  served: readonly Served[],
  winner: Served,
): Promise<Acquired> {
  const { integrity } = winner.bytes;
  const wrong = [];
  for (const { source, bytes } of served) {
    if (bytes.integrity === integrity) continue;
    const reason = `others agree on ${integrity}, its bytes are ${bytes.integrity}`;
    wrong.push(await deps.onWrong({ name, version, source, reason }, bytes));
  }
  const confirmed = served.filter((one) => one !== winner && one.bytes.integrity === integrity);
  return { bytes: winner.bytes, source: winner.source, wrong, confirmed: confirmed.map(({ source }) => source) };
}

async function refusal(
  deps: AcquireAgreedDeps,
  { name, version, basis }: Wanted,
  needed: number,
  served: readonly Served[],
  failures: readonly TarballError[],
): Promise<AssayError> {
  const said = new Map<Integrity, string[]>();
  const says = (integrity: Integrity, who: string): void =>
    void said.set(integrity, [...(said.get(integrity) ?? []), who]);
  if (basis.kind === "sha512") says(basis.integrity, "the listing");
  for (const { source, bytes } of served) says(bytes.integrity, source);
  if (said.size > 1) {
    // Twenty characters tell digests apart; the evidence has them whole.
    const reason = [...said].map(([integrity, who]) => `${who.join(", ")}: ${integrity.slice(0, 20)}...`).join("; ");
    await deps.onDisagreement(served, reason);
    return new AssayError("SOURCES_DISAGREE", { name, version, needed, reason });
  }
  const answered = operatorsOf(served);
  if (answered === 0 && failures.length > 0 && failures.every(({ code }) => code === "NOT_FOUND"))
    return new AssayError("NOT_FOUND", { what: `${name}@${version}` });
  return new AssayError("UPSTREAM_UNAVAILABLE", {
    source: failures
      .map(({ details }) => ("source" in details ? details.source : ""))
      .filter(Boolean)
      .join(", "),
    reason: `${needed} operators must serve the same bytes, ${answered} did`,
    retryAfterSeconds: 10,
  });
}
