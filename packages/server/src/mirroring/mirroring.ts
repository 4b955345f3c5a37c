import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { AssayError, type PackageName } from "@assay/core";
import type { TrustPolicy } from "@assay/verify";
import type { Config } from "../config/config.ts";
import type { ImportedListings, Upstreams } from "../upstreams/upstreams.ts";
import { createFolderMembers, createFolderWriter } from "./container/folder-members.ts";
import type { Members } from "./container/members.ts";
import { createTarMembers, createTarWriter } from "./container/tar-members.ts";
import { exportPackages, type ExportDeps, type ExportProgress, type ExportReport } from "./export/export.ts";
import { follow } from "./follow.ts";
import { importPackages, type ImportDeps, type ImportProgress, type ImportReport } from "./import/import.ts";
import { mirror, type MirrorDeps, type MirrorOptions, type MirrorReport } from "./mirror.ts";
import { planSelection, type Selection } from "./selection.ts";

export { mirroringMigrations } from "./migrations.ts";
export type { ExportReport } from "./export/export.ts";
export type { ImportReport } from "./import/import.ts";
export type { MirrorProgress, MirrorReport } from "./mirror.ts";
export type { Missing, Selection } from "./selection.ts";
export { parseWanted } from "./wants.ts";

/** This Assay as a mirror of others: what it shall hold, whole and in advance, and how that is carried elsewhere. */
export interface Mirroring {
  /**
   * Fetches the listings and admits the releases of a selection, so that they are bound and served also when their
   * upstream is dead. May run beside a server on the same data folder, in any number of processes.
   *
   * A run that was cut off (by `signal`, by the death of the process) is taken up by the next one with the same
   * selection. What cannot be had is in the report; nothing is thrown for it.
   */
  mirror(selection: Selection, options: Omit<MirrorOptions, "dependencies">): Promise<MirrorReport>;

  /** Mirrors what `mirror` in the configuration names, again and again, until the signal is aborted. */
  follow(signal: AbortSignal): Promise<void>;

  /**
   * Writes what is bound here of a selection with its proofs: docs/formats/export.md. Nothing is fetched, and
   * dependencies are not followed. The file gets its name when it is whole. Throws USAGE when the target is there,
   * BLOB_CORRUPT for damaged bytes, NOT_READY while something is under no checkpoint.
   */
  exportTo(target: ExportTarget, selection: Selection, options: ExportRunOptions): Promise<ExportReport>;

  /**
   * Reads an export from a file or folder and binds what a trusted log proves; a package that is refused stops no
   * other. Goes on where it was cut off. Throws NOT_FOUND, BAD_FORMAT when it is no export, MisbehaviourError when a
   * log is caught lying.
   */
  importFrom(path: string, options: ImportRunOptions): Promise<ImportReport>;
}

export interface ExportTarget {
  readonly path: string;
  readonly kind: "file" | "folder";
  /** Whether a file that is there may be replaced. */
  readonly replace: boolean;
}

export interface ExportRunOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

export interface ImportRunOptions {
  readonly policy: TrustPolicy;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export type MirroringDeps = MirrorDeps &
  ExportDeps &
  Omit<ImportDeps, "listings"> & {
    readonly upstreams: Pick<Upstreams, "known"> & { readonly imported: ImportedListings };
  };

/** Few, so that clients of the server come first. */
const followConcurrency = 4;

export function createMirroring(
  deps: MirroringDeps,
  {
    limits,
    mirror: followed,
  }: { readonly limits: Pick<Config["limits"], "packumentBytes" | "tarballBytes">; readonly mirror: Config["mirror"] },
): Mirroring {
  const plan = async (selection: Selection) => planSelection(selection, selection.used ? await knownNames(deps) : []);
  return {
    async mirror(selection, options) {
      const { dependencies } = selection;
      return await mirror(deps, await plan(selection), { ...options, dependencies });
    },
    follow: (signal) =>
      follow(
        {
          ...deps,
          mirror: async (selection) => {
            const options = { dependencies: false, concurrency: followConcurrency, signal };
            return await mirror(deps, await plan(selection), options);
          },
        },
        followed,
        signal,
      ),
    async exportTo({ path, kind, replace }, selection, options) {
      if (kind === "file" && !replace && (await statOf(path)) !== undefined)
        throw new AssayError("USAGE", { reason: `${path} is there already; --force replaces it.` });
      return await exportPackages(deps, await plan({ ...selection, versions: "locked" }), {
        ...options,
        openWriter: (created) =>
          kind === "file" ? createTarWriter(path, Math.floor(created / 1000)) : createFolderWriter(path),
      });
    },
    async importFrom(path, options) {
      await using members = await openMembers(path);
      return await importPackages({ ...deps, listings: deps.upstreams.imported }, members, { ...options, limits });
    },
  };
}

async function openMembers(path: string): Promise<Members> {
  const found = await statOf(path);
  if (found === undefined) throw new AssayError("NOT_FOUND", { what: `The export ${path}` });
  if (found.isDirectory()) return createFolderMembers(path);
  const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
  return createTarMembers(stream as AsyncIterable<Uint8Array>, async () => void stream.destroy());
}

async function statOf(path: string) {
  return await stat(path).catch(() => undefined);
}

const pageSize = 1000;

/** Every package with a stored listing or a bind, each once. */
async function knownNames({ upstreams, checksums }: MirroringDeps): Promise<readonly PackageName[]> {
  const names = new Set<PackageName>();
  for (let after = ""; ;) {
    const page = await upstreams.known(after, pageSize);
    for (const name of page) names.add(name);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last;
  }
  for (let after = 0; ;) {
    const page = await checksums.boundAfter(after, pageSize);
    for (const { name } of page) names.add(name);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
  }
  return [...names].sort();
}
