import { open, rename, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { AssayError } from "@assay/core";
import {
  createHttpEffects,
  maxBundleBytes,
  verifyLockfiles,
  type AcceptableCategory,
  type HttpDeps,
  type LogClientEffects,
} from "@assay/verify";
import {
  createFileCheckpointStore,
  findLockfile,
  findLockfiles,
  readLimited,
  readLockfile,
  sha256,
} from "@assay/verify/node";
import type { VerifyOptions } from "../commands/verify.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryUrl } from "../npm-registry.ts";
import { createProgress } from "../progress.ts";
import { findTrust, howToTrust } from "./trust.ts";
import { reportText, type ShownReport } from "./report-text.ts";

/** Runs the check and prints its report. Throws USAGE, and what `verifyLockfiles` and the lockfile readers throw. */
export async function runVerify(
  context: CliContext,
  given: string | undefined,
  options: VerifyOptions,
): Promise<ExitCode> {
  const accept = acceptedCategories(options.accept ?? []);
  const paths = await lockfilePaths(context, given, options.all === true);
  const lockfiles = await Promise.all(paths.map(readLockfile));
  const isOffline = options.offline !== undefined;
  const registry = await registryUrl(context, options.registry);
  const http: HttpDeps = { fetch, sleep: context.clock.sleep, registry };

  const trust = await findTrust(folderAround(context, given, paths), options.trust);
  if (trust === undefined) throw wrongUse(await howToTrust(isOffline ? undefined : http));
  const offlineBundle = await readBundleFile(context, options.offline);

  const progress = createProgress(context, "Looking up");
  const effects: LogClientEffects = {
    ...createHttpEffects(http),
    ...createFileCheckpointStore({
      folder: join(stateFolder(context, options.state), "checkpoints"),
      uniqueName: context.uniqueName,
    }),
  };
  const { reports, bundle } = await verifyLockfiles(
    { sha256, effects },
    {
      lockfiles,
      trust,
      offlineBundle,
      allowUnverifiable: new Set(options.allow),
      accept,
      registry,
      onProgress: ({ done, total, latest }) => progress.update(done, total, latest),
    },
  ).finally(() => progress.end());

  const isProven = reports.every(({ refused }) => refused.length === 0);
  if (options.writeBundle !== undefined && bundle !== undefined && isProven)
    await writeWhole(context, resolve(context.cwd, options.writeBundle), bundle);
  const shown = reports.map((report, at) => ({
    // Whole where nobody named it: npm may have started the command in another folder than the person is in.
    lockfile: given !== undefined && basename(given) === basename(paths[at] ?? "") ? given : (paths[at] ?? ""),
    format: lockfiles[at]?.format ?? "",
    report,
  }));
  context.stdout.write(options.json === true ? jsonOf(shown, options.all === true) : shown.map(reportText).join("\n"));
  return reports.every(({ ok }) => ok) ? 0 : 1;
}

async function lockfilePaths(context: CliContext, given: string | undefined, all: boolean): Promise<readonly string[]> {
  const place = resolve(context.cwd, given ?? ".");
  const isFolder = given === undefined || (await stat(place).catch(() => undefined))?.isDirectory() === true;
  if (all && !isFolder) throw wrongUse(`--all takes a folder, not the file ${given}.`);
  if (all) return await findLockfiles(place);
  return [isFolder ? await findLockfile(place) : place];
}

/** Where the search for the trust file begins. */
function folderAround(context: CliContext, given: string | undefined, paths: readonly string[]): string {
  const [first, ...more] = paths;
  return first !== undefined && more.length === 0 ? dirname(first) : resolve(context.cwd, given ?? ".");
}

function acceptedCategories(given: readonly string[]): ReadonlySet<AcceptableCategory> {
  const known: readonly AcceptableCategory[] = ["through-record"];
  for (const each of given) {
    if (!known.some((category) => category === each))
      throw wrongUse(`--accept ${each} is not known; known: ${known.join(", ")}.`);
  }
  return new Set(known.filter((category) => given.includes(category)));
}

/** One object for one lockfile; with --all a list of them, whatever its length. */
function jsonOf(shown: readonly ShownReport[], all: boolean): string {
  const flat = shown.map(({ report, ...about }) => ({ ...about, ...report }));
  const ok = flat.every((each) => each.ok);
  return `${JSON.stringify(all ? { ok, lockfiles: flat } : flat[0], undefined, 2)}\n`;
}

async function readBundleFile(context: CliContext, file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  return await readLimited(resolve(context.cwd, file), maxBundleBytes, "The bundle");
}

/** XDG Base Directory Specification: state that should persist, but is no configuration. */
function stateFolder(context: CliContext, given: string | undefined): string {
  const { env, cwd } = context;
  if (given !== undefined) return resolve(cwd, given);
  const base = env["XDG_STATE_HOME"] ?? env["LOCALAPPDATA"];
  if (base !== undefined && base !== "") return join(base, "assay");
  const home = env["HOME"] ?? env["USERPROFILE"];
  if (home === undefined || home === "") throw noHome();
  return join(home, ".local", "state", "assay");
}

function noHome(): AssayError {
  return wrongUse("There is no home folder to keep the last checkpoint in; give one with --state <folder>.");
}

/** A reader sees the old file or the whole new one. */
async function writeWhole(context: CliContext, path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${path}.${context.uniqueName()}`;
  const file = await open(unfinished, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}
