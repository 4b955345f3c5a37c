import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { MonitorConfig, MonitoredLog } from "@assay/server/monitor";
import { anyCheckpoint, parseTrustFile, trustFileName, trustLog, type FollowPolicy } from "@assay/verify";
import { readTrustFile } from "@assay/verify/node";
import type { MonitorCommandOptions } from "../commands/monitor.ts";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { parseDuration } from "../duration.ts";

/** The options as the monitor takes them. Throws USAGE, BAD_FORMAT. */
export async function monitorConfig(
  context: Pick<CliContext, "cwd" | "env">,
  options: MonitorCommandOptions,
): Promise<MonitorConfig> {
  const { cwd } = context;
  const isOnce = options.once === true;
  const registry = options.registry === undefined ? undefined : registryUrl(options.registry);
  if (options.expected !== undefined && options.scope === undefined)
    throw wrongUse("--expected needs --scope: which names you publish yourself.");
  const grace = options.expectedGrace;
  return {
    stateFolder: resolve(cwd, options.state),
    logs: await monitoredLogs(cwd, options, registry),
    scopes: options.scope ?? [],
    expectedFile: options.expected === undefined ? undefined : resolve(cwd, options.expected),
    expectedGraceMs: grace === undefined ? (isOnce ? 0 : 600_000) : parseDuration(grace) * 1000,
    registry: registry === undefined ? undefined : { url: registry, tarballHosts: options.tarballHost ?? [] },
    samplesPerRound: whole("--samples", options.samples ?? (isOnce ? "20" : "5"), 10_000),
    webhooks: webhooks(context, options),
    listen:
      options.metricsPort === undefined
        ? undefined
        : { host: options.metricsHost, port: whole("--metrics-port", options.metricsPort, 65_535) },
  };
}

/** Those of `--log`, else those of the trust file with its witnesses. */
async function monitoredLogs(
  cwd: string,
  options: MonitorCommandOptions,
  registry: string | undefined,
): Promise<readonly MonitoredLog[]> {
  if (options.log !== undefined) {
    if (options.trust !== undefined) throw wrongUse("Give --log or --trust, not both.");
    return options.log.map((text) => {
      const [, vkey = "", url] = /^(.+?)(?:=(https?:\/\/.*))?$/.exec(text) ?? [];
      return logAt(vkey, url, registry, anyCheckpoint);
    });
  }
  const trust =
    options.trust === undefined
      ? (await readTrustFile(cwd))?.policy
      : parseTrustFile(await readFile(resolve(cwd, options.trust)));
  if (trust === undefined)
    throw wrongUse(`No log is named: give --log <vkey=url>, or --trust with an ${trustFileName}.`);
  const policy = { witnesses: trust.witnesses, maxAgeSeconds: trust.maxAgeSeconds };
  return trust.logs.map(({ vkey, url }) => logAt(vkey, url, registry, policy));
}

function logAt(
  vkey: string,
  url: string | undefined,
  registry: string | undefined,
  policy: FollowPolicy,
): MonitoredLog {
  const log = trustLog(vkey, url);
  const shard = log.origin.slice(log.origin.lastIndexOf("/") + 1);
  const found = log.url ?? (registry === undefined ? undefined : `${registry}/-/log/${encodeURIComponent(shard)}`);
  if (found === undefined)
    throw wrongUse(`Nothing says where the log ${log.origin} is: write --log '<vkey>=<url>', or give --registry.`);
  return { vkey, url: found, policy };
}

function webhooks({ env }: Pick<CliContext, "env">, { webhook }: MonitorCommandOptions): readonly string[] {
  const urls = webhook ?? (env["ASSAY_MONITOR_WEBHOOK"] ?? "").split(",").filter((url) => url !== "");
  for (const url of urls)
    // The URL may be a password: it is not repeated.
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw wrongUse("A webhook is no http or https URL.");
  return urls;
}

function registryUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    throw wrongUse(`--registry ${JSON.stringify(text)} is no http or https URL without query or fragment.`);
  return url.href.replace(/\/+$/, "");
}

function whole(flag: string, text: string, max: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 0 && number <= max)) throw wrongUse(`${flag} must be a whole number from 0 to ${max}.`);
  return number;
}
