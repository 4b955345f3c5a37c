import { join } from "node:path";
import { createHttpFollowEffects, noTileCache, type FollowEffects, type HttpDeps } from "@assay/verify";
import { createFileCheckpointStore } from "@assay/verify/node";
import type { CliContext } from "../context.ts";
import { stateFolderFor } from "../verify/state-place.ts";

/** What a command follows a log with: over HTTP, the last checkpoints in the state folder, no tiles kept. */
export function followEffects(context: CliContext, http: HttpDeps, state: string | undefined): FollowEffects {
  return {
    ...createHttpFollowEffects(http),
    ...createFileCheckpointStore({
      folder: join(stateFolderFor(context, state), "checkpoints"),
      uniqueName: context.uniqueName,
    }),
    ...noTileCache,
    nowSeconds: () => Math.floor(context.clock.nowMs() / 1000),
    sleep: context.clock.sleep,
  };
}
