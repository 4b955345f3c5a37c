import type { Integrity, PackageName, Version } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { createByteCache } from "../platform/cache.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { Fetched, Validators } from "./fetch.ts";
import { listSomewhere } from "./list-versions.ts";
import type { Source, Sources } from "./sources.ts";
import { readAuditListing, replaceAuditListing } from "./store-sources.ts";

/** What auditors list, kept so young as packuments are. */
export interface Audits {
  /**
   * Asks the auditors of a name whose answer is too old, and has `releases` take note. One that fails keeps the last
   * word that it had: what it examined stays, what is new waits for it. Never throws for what an auditor does.
   */
  refresh(name: PackageName): Promise<void>;
}

interface AuditsDeps {
  readonly sources: Pick<Sources, "auditorsOf">;
  readonly database: Database;
  readonly releases: Pick<Releases, "takeAudit">;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Fetches a packument of one source within its byte budget. */
  readonly ask: (source: Source, name: PackageName, validators: Validators | undefined) => Promise<Fetched>;
}

/** An auditor that failed is asked again after this time, ms. */
const failureMs = 5_000;

export function createAudits(deps: AuditsDeps, { maxAgeMs }: { readonly maxAgeMs: number }): Audits {
  const { sources, database, releases, clock, telemetry, ask } = deps;
  /** When each auditor need not be asked for a name again. A node asks after its start once. */
  const young = createByteCache<{ readonly untilMs: number }>({ maxBytes: 4 * 1024 * 1024, sizeOf: () => 200 });
  const answers = telemetry.metrics.counter(
    "assay_auditor_answers_total",
    "Answers of auditors to requests for what they list, by outcome.",
    ["upstream", "outcome"],
  );

  async function refreshOne(auditor: Source, name: PackageName): Promise<void> {
    const alias = auditor.config.name;
    const key = `${alias} ${name}`;
    if ((young.get(key)?.untilMs ?? 0) > clock.now()) return;
    const known = await readAuditListing(database.read, alias, name);
    const fetched = await ask(auditor, name, known && { etag: known.etag, lastModified: known.last_modified });
    const failure = await take(auditor, name, fetched);
    answers.add(1, { upstream: alias, outcome: failure === undefined ? fetched.kind : "failed" });
    young.set(key, { untilMs: clock.now() + (failure === undefined ? maxAgeMs : failureMs) });
    if (failure !== undefined)
      telemetry.log.warn(`the auditor ${alias} failed for ${name}: ${failure}`, {
        "package.name": name,
        "upstream.name": alias,
      });
  }

  /** Why nothing was taken, or undefined. */
  async function take(auditor: Source, name: PackageName, fetched: Fetched): Promise<string | undefined> {
    const alias = auditor.config.name;
    switch (fetched.kind) {
      case "unchanged":
        return undefined;
      case "missing":
        await remember(alias, name, new Map(), { etag: null, lastModified: null });
        return undefined;
      case "failed":
        return fetched.reason;
      case "document": {
        const { etag = null, lastModified = null } = fetched;
        try {
          const input = { name, source: alias, upstreamUrl: auditor.config.url, fallbackModifiedMs: 0 };
          const listed = await listSomewhere(deps, { ...input, bytes: fetched.bytes });
          if (listed.kind === "refused") return listed.reason;
          await remember(alias, name, listed.versions, { etag, lastModified });
          return undefined;
        } finally {
          fetched.release();
        }
      }
    }
  }

  /** A crash between the two leaves validators of before, so that the document is asked for and taken again. */
  async function remember(
    alias: string,
    name: PackageName,
    versions: ReadonlyMap<Version, Integrity>,
    { etag, lastModified }: Validators,
  ): Promise<void> {
    await releases.takeAudit(name, alias, versions);
    await database.write((transaction) =>
      replaceAuditListing(transaction, { auditor: alias, name, etag, last_modified: lastModified }),
    );
  }

  return {
    async refresh(name) {
      await Promise.all(sources.auditorsOf(name).map((auditor) => refreshOne(auditor, name)));
    },
  };
}
