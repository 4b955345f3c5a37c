import { join } from "node:path";
import { AssayError } from "@assay/core";
import { verifyLockfiles } from "../check.ts";
import { createHttpEffects } from "../http-effects.ts";
import type { Lockfile } from "../lockfile/lockfile.ts";
import type { Report } from "../report.ts";
import { trustFileName, type parseTrustFile } from "../trust-file.ts";
import { createFileCheckpointStore } from "./checkpoint-store.ts";
import { sha256 } from "./sha256.ts";
import { readTrustFile } from "./trust-place.ts";

/** What a check inside a package manager needs from its surroundings. */
export interface ProjectCheckDeps {
  /** Of the project: the trust file is looked for from here on upwards. */
  readonly folder: string;
  /** Base URL of the registry that the package manager uses, with or without a slash at the end. */
  readonly registry: string;
  /** Where the last checkpoints seen are kept. */
  readonly stateFolder: string;
  readonly fetch: typeof fetch;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  /** A name for a temporary file that no other process uses at the same time. */
  readonly uniqueName: () => string;
}

/** Changes what the trust file lets pass, for callers that check more than a lockfile can say. */
type Adapt = (policy: ReturnType<typeof parseTrustFile>) => ReturnType<typeof parseTrustFile>;

/**
 * Holds what a package manager is about to install against the log, by the project's trust file.
 *
 * Throws USAGE where the project has no trust file, MisbehaviourError, LOG_UNAVAILABLE and BAD_FORMAT as
 * `verifyLockfiles`: then the install must not go on either.
 */
export async function checkProject(
  deps: ProjectCheckDeps,
  lockfile: Lockfile,
  adapt: Adapt = (policy) => policy,
): Promise<Report> {
  const { folder, fetch, sleep, nowMs, uniqueName } = deps;
  const registry = deps.registry.replace(/\/+$/, "");
  const trust = await readTrustFile(folder);
  if (trust === undefined)
    throw new AssayError("USAGE", { reason: `${folder} has no ${trustFileName}; assay trust init writes one.` });
  const effects = {
    ...createHttpEffects({ fetch, sleep, registry }),
    ...createFileCheckpointStore({ folder: join(deps.stateFolder, "checkpoints"), uniqueName }),
    nowSeconds: () => Math.floor(nowMs() / 1000),
    sleep,
  };
  const { reports } = await verifyLockfiles(
    { sha256, effects },
    {
      lockfiles: [lockfile],
      policy: adapt(trust.policy),
      registry,
      bundle: undefined,
      isOffline: false,
      onProgress: () => {},
    },
  );
  const [report] = reports;
  if (report === undefined) throw new Error("a check of one lockfile has one report");
  return report;
}
