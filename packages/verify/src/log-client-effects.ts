import type { PackageName, Version } from "@assay/core";
import type { CheckpointState } from "./follow/effects.ts";
import type { TrustedLog } from "./trust.ts";

/**
 * Everything the log client does to the outside world. What comes back is untrusted, except the stored
 * checkpoint. Failures throw LOG_UNAVAILABLE; nothing here retries misbehaviour.
 */
export interface LogClientEffects extends CheckpointState {
  /** `POST /-/log/bundle` with this JSON; answers the body, at most `maxBundleBytes`. */
  postBundle(request: string): Promise<Uint8Array>;

  /** `GET /-/log/lookup/<name>@<version>`, which makes the registry admit and bind it. The answer itself is not used. */
  lookup(name: PackageName, version: Version): Promise<LookupOutcome>;

  /** A tile of a log by its path below the log's URL (`tile/0/x001/234.p/5`), at most 8,192 bytes; undefined when there is none. */
  fetchTile(log: TrustedLog, path: string): Promise<Uint8Array | undefined>;

  /** Whole seconds since 1970: how old checkpoints are is told by it. */
  nowSeconds(): number;

  /** Resolves after this many milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** `bound`: ask for a new bundle. `refused`: the registry said no, with this one line. */
export type LookupOutcome = { readonly outcome: "bound" } | { readonly outcome: "refused"; readonly reason: string };

/** Largest bundle that is read, in bytes. */
export const maxBundleBytes: number = 64 * 1024 * 1024;
