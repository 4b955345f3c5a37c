/** What runs while the server does. */
import type { Rooms } from "./rooms.ts";
import type { Clock } from "./platform/clock.ts";
import type { Gossip } from "./witnessing/witnessing.ts";

/** How often orphaned blobs are looked for. */
const orphanSweepMs = 3_600_000;

export interface Background extends AsyncDisposable {
  start(): void;
}

/** The sequencer, the jobs, the watch for other processes' changes, the orphan sweep. Disposing waits for what is under way. */
export function createBackground(
  {
    checksums,
    hosting,
    releases,
    registrySigning,
    jobs,
    upstreams,
    delegations,
    closure,
    names,
    identity,
    provider,
    scim,
    admission,
    sweep,
    mirroring,
    publishing,
    serving,
    audit,
    telemetry,
  }: Rooms,
  gossip: Gossip,
  clock: Clock,
  clearAbandonedBlobs: () => Promise<void>,
): Background {
  const stop = new AbortController();
  const running: Promise<void>[] = [];

  function keep(what: string, work: Promise<void>): void {
    running.push(
      work.catch((error: unknown) => {
        if (!stop.signal.aborted) telemetry.log.error(`${what} stopped`, { error });
      }),
    );
  }

  async function sweepOrphans(): Promise<void> {
    while (!stop.signal.aborted) {
      await clearAbandonedBlobs();
      await admission.collectOrphans(stop.signal);
      await clock.sleep(orphanSweepMs, stop.signal);
    }
  }

  return {
    start() {
      keep("the sequencer", checksums.run(stop.signal));
      keep("the watch for changed registry keys", registrySigning.run(stop.signal));
      keep("the watch for upstreams' keys", upstreams.keys.run(stop.signal));
      keep("the watch for changed releases", releases.run(stop.signal, checksums.wake));
      if (closure !== undefined) keep("the reading of dependencies", closure.run(stop.signal));
      keep("the look at delegations", delegations.run(stop.signal));
      keep("the watch for hosted names", names.run(stop.signal));
      keep("the forgetting of CI's identity tokens", hosting.ci.run(stop.signal));
      keep("the watch for saved policies", hosting.organisationPolicies.run(stop.signal));
      keep("the counting of refusals", hosting.tellRefusals(stop.signal));
      keep("the end of approvals", hosting.approvals.run(stop.signal));
      keep("the end of staged versions", publishing.staging.run(stop.signal));
      keep("the upkeep of tokens", identity.run(stop.signal));
      if (provider !== undefined) keep("the look at who is still there", provider.run(stop.signal));
      if (scim !== undefined) keep("the look at who belongs where", scim.run(stop.signal));
      keep("the recording of sighted versions", releases.recordSighted(stop.signal));
      keep("the job queue", jobs.run(upstreams.jobHandlers, stop.signal));
      keep("the orphan sweep", sweepOrphans());
      keep("the sweep", sweep.run(stop.signal));
      keep("the mirror", mirroring.follow(stop.signal));
      keep("the making of the search index", serving.search.rebuild(stop.signal));
      keep("the audit trail", audit.run(stop.signal));
      keep("the comparison of gossip", gossip.run(stop.signal));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
