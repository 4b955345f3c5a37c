import type { Generated } from "kysely";

/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** One row a version that an upstream ever listed. */
  readonly releases: {
    /** Log id of the namespace: `npm`. */
    ns: string;
    name: string;
    version: string;
    first_seen_ms: number;
    /** 1 when the version was there when the package was first looked at. */
    first_contact: number;
    upstream_published_ms: number | null;
    /** Since when the source does not list it; null while it does. */
    gone_at_ms: number | null;
    /** When a person freed it after an early removal. */
    freed_at_ms: number | null;
    /** Source whose differing listing was written into the log already. */
    conflict_source: string | null;
  };
  /** What each auditor lists: one row a version that it examined. */
  readonly release_audits: { ns: string; name: string; auditor: string; version: string; integrity: string };
  /** Versions that a source listed and that wait to be recorded in the log as seen. */
  readonly releases_sighted: {
    id: Generated<number>;
    name: string;
    version: string;
    integrity: string | null;
    manifest: string;
    source: string;
  };
  /** Which state of a package is the newest. Numbers rise over all packages, so that one query finds what changed. */
  readonly package_generations: {
    ns: string;
    name: string;
    generation: number;
    /** When what may be shown of it last changed (gone, back, freed, listed otherwise than bound); 0 when never. */
    changed_at_ms: number;
  };
};
