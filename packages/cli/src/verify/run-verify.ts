import { open, rename } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { AssayError } from "@assay/core";
import { createHttpEffects, maxBundleBytes, verifyLockfile, type HttpDeps, type LogClientEffects } from "@assay/verify";
import { createFileCheckpointStore, findLockfile, readLimited, readLockfile, sha256 } from "@assay/verify/node";
import type { VerifyOptions } from "../commands/verify.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryUrl } from "../npm-registry.ts";
import { createProgress } from "../progress.ts";
import { findTrust, howToTrust } from "./trust.ts";
import { reportText } from "./report-text.ts";

/** Runs the check and prints its report. Throws USAGE, and what `verifyLockfile` and the lockfile reader throw. */
export async function runVerify(
  context: CliContext,
  given: string | undefined,
  options: VerifyOptions,
): Promise<ExitCode> {
  const path = given === undefined ? await findLockfile(context.cwd) : resolve(context.cwd, given);
  const lockfile = await readLockfile(path);
  const isOffline = options.offline !== undefined;
  const registry = await registryUrl(context, options.registry);
  const http: HttpDeps = { fetch, sleep: context.clock.sleep, registry };

  const trust = await findTrust(dirname(path), options.trust);
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
  const { report, bundle } = await verifyLockfile(
    { sha256, effects },
    {
      lockfile,
      trust,
      offlineBundle,
      allowUnverifiable: new Set(options.allow),
      onProgress: ({ done, total, latest }) => progress.update(done, total, latest),
    },
  ).finally(() => progress.end());

  if (options.writeBundle !== undefined && bundle !== undefined && report.refused.length === 0)
    await writeWhole(context, resolve(context.cwd, options.writeBundle), bundle);
  // Whole where nobody named it: npm may have started the command in another folder than the person is in.
  const shown = given ?? path;
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify({ lockfile: shown, format: lockfile.format, ...report }, undefined, 2)}\n`
      : reportText({ lockfile: shown, format: lockfile.format, report }),
  );
  return report.ok ? 0 : 1;
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
