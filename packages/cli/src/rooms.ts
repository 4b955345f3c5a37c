import type { Command } from "commander";
import type { LoadedConfig } from "@assay/server/load";
import type { Rooms } from "@assay/server/rooms";
import type { CliContext } from "./context.ts";

/** Where an installation is; every command that works on one takes these. */
export interface InstallationOptions {
  readonly config?: string;
  readonly data?: string;
}

/** Adds `--config` and `--data`. */
export function installationOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file (default: assay.yaml here, if there is one)")
    .option("--data <folder>", "the data folder");
}

/** The configuration of the installation here. Throws what `loadConfig` throws. */
export async function loadInstallation(
  context: CliContext,
  { config, data }: InstallationOptions,
  needs: { readonly needsUpstream?: boolean } = {},
): Promise<LoadedConfig> {
  const { loadConfig } = await import("@assay/server/load");
  const flags = { ...(config !== undefined && { config }), ...(data !== undefined && { data }) };
  return await loadConfig({ flags, env: context.env, cwd: context.cwd, ...needs });
}

/**
 * Opens the rooms of the installation here; safe beside a running server. Dispose them. Throws what
 * `loadConfig` and `openRooms` throw.
 */
export async function openInstallation(
  context: CliContext,
  options: InstallationOptions,
): Promise<{ readonly rooms: Rooms; readonly loaded: LoadedConfig }> {
  const loaded = await loadInstallation(context, options);
  const { openRooms } = await import("@assay/server/rooms");
  return { loaded, rooms: await openRooms(loaded, { logTo: context.stderr }) };
}

/**
 * Opens the rooms for a command that admits packages; beside a running server, or with the data folder to itself.
 * Dispose them. Throws what `loadConfig` and `openOwnedRooms` throw.
 */
export async function openInstallationToWrite(
  context: CliContext,
  options: InstallationOptions,
): Promise<{ readonly rooms: Rooms; readonly loaded: LoadedConfig }> {
  const loaded = await loadInstallation(context, options);
  const { openOwnedRooms } = await import("@assay/server/owned-rooms");
  return { loaded, rooms: await openOwnedRooms(loaded, { logTo: context.stderr }) };
}
