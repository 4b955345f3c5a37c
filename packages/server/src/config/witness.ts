import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { AssayError } from "@assay/core";
import { chooseAddresses } from "./addresses.ts";
import type { LoggingConfig } from "./config.ts";
import { readConfigFile } from "./file.ts";
import { parseWatchedLog, type WatchedLogSetting } from "./kinds.ts";
import { listProblems } from "./resolve.ts";
import type { Layer, RawValue } from "./settings.ts";
import { readValues } from "./values.ts";
import { witnessSettings } from "./witness-settings.ts";

/** What a witness runs with. */
export interface WitnessConfig {
  /** Absolute path. */
  readonly dataFolder: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** At least one, normalised; the first is canonical. */
  readonly publicUrls: readonly string[];
  readonly loopbackOnly: boolean;
  readonly trustedProxies: readonly string[];
  /** Name in the cosignatures, when it was said. */
  readonly name: string | undefined;
  readonly keys: "ed25519" | "both";
  readonly logs: readonly WatchedLogSetting[];
  readonly perMinute: number;
  readonly logging: Pick<LoggingConfig, "level" | "format">;
}

/** What the command line may say; as typed, unchecked. */
export interface WitnessFlags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly publicUrl?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly keys?: string | undefined;
  readonly log?: readonly string[] | undefined;
}

const where = "in witness.yaml, or set --public-url";

/** Reads flags and, where one is named, the file; flags win. Changes nothing. Throws CONFIG with all problems. */
export async function loadWitnessConfig(flags: WitnessFlags, cwd: string): Promise<WitnessConfig> {
  const file = flags.config === undefined ? undefined : await readFilePass(resolve(cwd, flags.config));
  const problems = [...(file?.problems ?? [])];
  const values = readValues(witnessSettings, [flagLayer(flags, cwd), file?.layer], cwd, problems);
  const addresses = chooseAddresses(values, problems, where);
  if (problems.length > 0) throw new AssayError("CONFIG", { reason: listProblems(problems) });
  return {
    dataFolder: values.path("dataFolder") ?? cwd,
    ...addresses,
    trustedProxies: values.list("trustedProxies"),
    name: values.optionalText("name"),
    keys: values.text("keys") === "both" ? "both" : "ed25519",
    logs: values.list("logs").flatMap((log) => parseWatchedLog(log) ?? []),
    perMinute: values.number("perMinute"),
    logging: {
      level: values.text("logging.level") as LoggingConfig["level"],
      format: values.text("logging.format") as LoggingConfig["format"],
    },
  };
}

function flagLayer(flags: WitnessFlags, cwd: string): Layer {
  const given: Readonly<Record<string, unknown>> = { ...flags, "public-url": flags.publicUrl };
  const layer = new Map<string, RawValue>();
  for (const { key, flag } of witnessSettings) {
    const value = flag === undefined ? undefined : given[flag];
    if (value !== undefined) layer.set(key, { value, source: `--${flag}`, folder: cwd });
  }
  return layer;
}

async function readFilePass(path: string): Promise<ReturnType<typeof readConfigFile>> {
  try {
    return readConfigFile(
      await readFile(path, "utf8"),
      path,
      witnessSettings.map(({ key }) => key),
    );
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new AssayError("CONFIG", { reason: `--config names ${path}, which ${why}.` }, { cause });
  }
}
