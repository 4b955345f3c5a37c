/** Hosted names over a database that a test opens. */
import { parseNamePattern } from "@assay/core";
import { createFakeClock, type FakeClock } from "@assay/testkit/fake-clock";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import type { HostedConfig } from "../../config/config.ts";
import type { Database } from "../../platform/database/database.ts";
import { createEvents } from "../../platform/events/outbox.ts";
import { createLogger } from "../../platform/telemetry/logger.ts";
import { openHostedNames } from "./hosted-names.ts";
import type { HostedNames } from "./names.ts";

export interface TestNamesOptions {
  readonly clock?: FakeClock;
  readonly hosted?: readonly { readonly names: readonly string[]; readonly organisation: string }[];
  /** Patterns of the one upstream. */
  readonly upstream?: readonly string[];
  readonly visibility?: HostedConfig["visibility"];
}

/** Twice over one database is two processes. */
export async function openTestNames(
  database: Database,
  { clock = createFakeClock(), hosted = [], upstream = ["*"], visibility }: TestNamesOptions = {},
): Promise<HostedNames> {
  const log = createLogger({ clock, write: () => undefined }, { level: "error", format: "json" });
  return await openHostedNames(
    { database, clock, events: createEvents({ clock }), telemetry: { log } },
    {
      hosted: hosted.map((rule) => ({
        publish: "direct",
        provenance: undefined,
        allowedSecrets: undefined,
        ...rule,
        names: rule.names.map(parseNamePattern),
        visibility,
      })),
      upstreams: [upstreamConfig({ url: "https://registry.example.com", names: upstream })],
    },
  );
}
