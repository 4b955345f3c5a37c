import { join } from "node:path";
import { isAssayError, MisbehaviourError } from "@assay/core";
import { checkFollowedLog, forkOf } from "./checksums/remote/check.ts";
import type { Config } from "./config/config.ts";
import { urlInWords } from "./config/urls.ts";
import { failed, fine, messageOf, type DoctorFinding } from "./doctor-finding.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database/database.ts";
import type { UpstreamClient } from "./platform/network/network.ts";

const check = "followed log";

/** Is the followed log there, is it the one that was pinned, and of one history with what was seen? Changes nothing. */
export async function* checkFollowed(
  deps: { readonly clock: Clock; readonly client: UpstreamClient; readonly database: Database | undefined },
  config: Pick<Config, "checksums" | "dataFolder">,
): AsyncGenerator<DoctorFinding, void, undefined> {
  const { checksums: followed, dataFolder } = config;
  if (followed === undefined) return;
  const reader = deps.database?.read;
  const fork = reader && (await forkOf(reader, followed));
  if (fork !== undefined) {
    yield failed(
      check,
      `The followed log at ${urlInWords(followed.url)} has forked: what is bound is served, nothing new is taken.`,
      `Show the evidence ${join(dataFolder, "blobs", fork)} to its operator and its other users; follow another log, or its next key, once you know what happened.`,
    );
    return;
  }
  try {
    const { origin, size, seen, ageSeconds } = await checkFollowedLog({ ...deps, reader }, followed);
    const history =
      seen === undefined ? "nothing was seen of it before" : `of one history with the ${seen} seen before`;
    const age = ageSeconds === undefined ? "no witness is asked for" : `witnessed ${Math.max(ageSeconds, 0)} s ago`;
    yield fine(check, `The followed log ${origin} has ${size} entries, ${history}; ${age}.`);
  } catch (error) {
    yield failed(check, messageOf(error), adviceFor(error));
  }
}

function adviceFor(error: unknown): string {
  if (isAssayError(error, "LOG_UNAVAILABLE"))
    return "Check checksums.url and the network; what is bound is served meanwhile, what is new is refused.";
  if (isAssayError(error, "LOG_REFUSED") && error.details.kind === "wrong-signature")
    return "Check that checksums.vkey is the key that its operator publishes, and that nobody stands between.";
  if (isAssayError(error, "LOG_REFUSED") || error instanceof MisbehaviourError)
    return "Ask its operator over another way; what is bound is served meanwhile, what is new is refused.";
  return "Put that right and run assay doctor again.";
}
