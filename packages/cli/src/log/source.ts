import type { Command } from "commander";
import type { PackageName, Version } from "@assay/core";
import type { CliContext } from "../context.ts";
import { installationOptions, loadInstallation, type InstallationOptions } from "../rooms.ts";

/** Which log a command reads: that of the installation here, or another one by its registry's URL. */
export interface SourceOptions extends InstallationOptions {
  readonly url?: string;
  /** `npm`, `org:<organisation>` or `registry`. */
  readonly log?: string;
  readonly trust?: readonly string[];
  readonly state?: string;
}

export interface Place {
  readonly shard: string;
  readonly index: number;
}

/** A log that is read, here or elsewhere. What it answers is under a signature that was checked. */
export interface LogSource extends AsyncDisposable {
  /** Newest first, as of now. Of another registry only those that are trusted. */
  shards(): Promise<readonly ShardOfSource[]>;
  /** The signed tree of a shard now; `root` is base64. */
  head(shard: string): Promise<{ readonly size: number; readonly root: string }>;
  /** Records [from, to) of a shard, in order. */
  records(shard: string, from: number, to: number): AsyncIterable<{ readonly index: number; readonly text: string }>;
  /** Where a release is bound and superseded, oldest first. Never binds. */
  placesOf(name: PackageName, version: Version): Promise<readonly Place[]>;
  /** A record with its tlog-proof; undefined when the signed tree has no such entry. */
  prove(place: Place): Promise<{ readonly text: string; readonly proof: string } | undefined>;
}

export interface ShardOfSource {
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  readonly state: string;
  readonly visibility: "private" | "public";
}

/** Adds the options of `SourceOptions`. */
export function sourceOptions(command: Command): Command {
  return installationOptions(command)
    .option("--log <log>", "which of its logs: npm, org:<organisation> or registry", "npm")
    .option("--url <registry>", "read the log of another registry; its key must be trusted")
    .option("--trust <vkey...>", "with --url: the keys to believe (default: the trust file of this repository)")
    .option("--state <folder>", "with --url: where the last checkpoints seen are kept");
}

/** Opens the log that the options name. Throws USAGE, CONFIG, LOG_UNAVAILABLE and what a refused log throws. */
export async function openSource(
  context: CliContext,
  { url, trust, state, log = "npm", ...installation }: SourceOptions,
  signal: AbortSignal,
): Promise<LogSource> {
  if (url !== undefined) {
    const { openRemoteSource } = await import("./remote-source.ts");
    return await openRemoteSource(context, { url, trust, state, log });
  }
  const loaded = await loadInstallation(context, installation);
  const { openLocalLog } = await import("@assay/server/log-commands/local-log");
  return await openLocalLog(loaded, { logTo: context.stderr, signal, log });
}
