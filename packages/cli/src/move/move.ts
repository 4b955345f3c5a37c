import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseNamePattern } from "@assay/core";
import type { LoadedConfig } from "@assay/server/load";
import type { ImportSource } from "@assay/server/publishing";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { authorizationFor, registryUrl } from "../npm-registry.ts";
import { createProgress } from "../progress.ts";
import { openInstallationToWrite, type InstallationOptions } from "../rooms.ts";
import { sizeText } from "../size-text.ts";
import { tell } from "./tell.ts";

export interface MoveFlags extends InstallationOptions {
  readonly names?: readonly string[];
  readonly accept?: readonly string[];
  readonly concurrency: string;
  readonly json?: boolean;
}

export interface RegistryFlags extends MoveFlags {
  readonly tokenFile?: string;
}

export async function runMoveFromVerdaccio(context: CliContext, folder: string, flags: MoveFlags): Promise<ExitCode> {
  return await run(context, flags, async ({ config }) => {
    const { openVerdaccioStorage } = await import("@assay/server/publishing");
    const source = await openVerdaccioStorage(resolve(context.cwd, folder), config.limits.packumentBytes);
    return { ...source, [Symbol.asyncDispose]: async () => {} };
  });
}

export async function runMoveFromRegistry(context: CliContext, given: string, flags: RegistryFlags): Promise<ExitCode> {
  const url = await registryUrl(context, given);
  const authorization = await credentials(context, url, flags.tokenFile);
  return await run(context, flags, async (loaded) => {
    const { openRegistrySource } = await import("@assay/server/import-registry");
    return await openRegistrySource(loaded, { url, authorization });
  });
}

async function credentials(context: CliContext, url: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return await authorizationFor(context, url);
  const token = (await readFile(resolve(context.cwd, file), "utf8")).trim();
  if (!/^[!-~]{1,10000}$/.test(token)) throw wrongUse(`${file} must hold one token and nothing else.`);
  return `Bearer ${token}`;
}

async function run(
  context: CliContext,
  { names = [], accept = [], concurrency, json, ...installation }: MoveFlags,
  open: (loaded: LoadedConfig) => Promise<ImportSource & AsyncDisposable>,
): Promise<ExitCode> {
  const patterns = names.flatMap((each) => each.split(",")).map((each) => parseNamePattern(each.trim()));
  const atOnce = /^[0-9]{1,2}$/.test(concurrency) ? Number(concurrency) : 0;
  if (atOnce < 1 || atOnce > 64) throw wrongUse("--concurrency must be a whole number from 1 to 64.");
  const signal = context.stopSignal();
  const opened = await openInstallationToWrite(context, installation);
  await using rooms = opened.rooms;
  await using source = await open(opened.loaded);
  const progress = createProgress(context, "import");
  const startedMs = context.clock.monotonicMs();
  const report = await rooms.publishing.move(source, {
    names: patterns,
    accept: new Set(accept.flatMap((each) => each.split(","))),
    concurrency: atOnce,
    signal,
    onProgress({ done, total, versions, sizeBytes, latest }) {
      const seconds = Math.max(1, context.clock.monotonicMs() - startedMs) / 1000;
      const rate = sizeText(Math.round(sizeBytes / seconds));
      progress.update(done, total, `${versions} versions, ${sizeText(sizeBytes)}, ${rate}/s ${latest}`);
    },
  });
  progress.end();
  tell(context, report, json === true);
  return report.outcome === "complete" ? 0 : 1;
}
