/**
 * A pnpmfile: pnpm 10 and later hold every package that they are about to install against the log, and install nothing
 * when one is refused. In `.pnpmfile.cjs`: `module.exports = require("./assay-pnpm.cjs")`, or as the configuration
 * dependency that this file is in.
 *
 * `preResolution` sees the lockfile before anything is fetched, also with --frozen-lockfile. Where something is resolved
 * anew, `readPackage` sees each package that a registry lists before it is linked; `afterAllResolved` sees the whole, for
 * what comes from elsewhere: in pnpm 10 and 11 before linking, in pnpm 12 only at the end of the install.
 */
import { gather, judgeEntry, type Judged } from "../../lockfile/locked-entry.ts";
import type { Lockfile } from "../../lockfile/lockfile.ts";
import { readPnpmDocuments } from "../../lockfile/pnpm-lock.ts";
import { refusalText } from "../../refusal-text.ts";
import { checkProject } from "../project-check.ts";
import { surroundings } from "./surroundings.ts";

interface PnpmContext {
  readonly wantedLockfile: unknown;
  readonly lockfileDir: string;
  readonly registries: Readonly<Record<string, string>>;
}

/** A manifest in a packument; that of a project has no `dist`. */
interface PnpmPackage {
  readonly name?: string;
  readonly version?: string;
  readonly dist?: { readonly integrity?: string };
}

/** From `preResolution`, which is told; the other hooks are not. */
let project: Pick<PnpmContext, "lockfileDir" | "registries"> | undefined;

export const hooks: {
  readonly preResolution: (context: PnpmContext) => Promise<void>;
  readonly readPackage: <T extends PnpmPackage>(manifest: T) => Promise<T>;
  readonly afterAllResolved: <T>(lockfile: T) => Promise<T>;
} = {
  async preResolution({ wantedLockfile, lockfileDir, registries }) {
    project = { lockfileDir, registries };
    if (!isEmpty(wantedLockfile)) await check(readPnpmDocuments([wantedLockfile]));
  },

  async readPackage(manifest) {
    const { name = "", version, dist } = manifest;
    if (dist === undefined) return manifest;
    const path = `${name}@${version ?? ""}`;
    await inBatch(judgeEntry({ path, name, version, resolved: undefined, integrity: dist.integrity }));
    return manifest;
  },

  async afterAllResolved(lockfile) {
    if (!isEmpty(lockfile)) await check(readPnpmDocuments([lockfile]));
    return lockfile;
  },
};

interface Waiting {
  readonly judged: Judged;
  readonly settle: (failure?: unknown) => void;
}

const waiting: Waiting[] = [];
let isAsking = false;

/** One question for all that came up while the last was asked: a resolution comes with hundreds at once. */
function inBatch(judged: Judged): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (failure?: unknown): void => (failure === undefined ? resolve() : reject(failure));
    waiting.push({ judged, settle });
    if (!isAsking) void askAll();
  });
}

/** Never fails: who waits is told. */
async function askAll(): Promise<void> {
  isAsking = true;
  while (waiting.length > 0) {
    // What was resolved in the same turn joins in.
    await Promise.resolve();
    const batch = waiting.splice(0);
    const failure = await check(lockfileOf(batch.map(({ judged }) => judged))).then(
      () => undefined,
      (error: unknown) => error ?? new Error("Assay: the check failed"),
    );
    for (const { settle } of batch) settle(failure);
  }
  isAsking = false;
}

function lockfileOf(judged: readonly Judged[]): Lockfile {
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  return { client: "pnpm", format: "pnpm", ...gather(judged), unpinned: [], skipped };
}

async function check(lockfile: Lockfile): Promise<void> {
  if (project === undefined) throw new Error("Assay: pnpm did not say which project this is, so nothing was checked");
  const { lockfileDir: folder, registries } = project;
  const registry = registries["default"];
  if (registry === undefined) throw new Error("Assay: pnpm names no default registry, so nothing was checked");
  const refusal = refusalText(await checkProject({ ...surroundings(), folder, registry }, lockfile));
  if (refusal !== undefined) throw new Error(refusal);
}

/** Before a first install pnpm hands over a lockfile without packages. */
function isEmpty(lockfile: unknown): boolean {
  const packages = typeof lockfile === "object" && lockfile !== null && "packages" in lockfile ? lockfile.packages : {};
  return typeof packages !== "object" || packages === null || Object.keys(packages).length === 0;
}
