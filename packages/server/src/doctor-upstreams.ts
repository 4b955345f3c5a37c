import type { Config, UpstreamConfig } from "./config/config.ts";
import { urlInWords } from "./config/urls.ts";
import { failed, fine, messageOf, warning, type DoctorFinding } from "./doctor-finding.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/database/database.ts";
import { NetworkError, type UpstreamClient, type UpstreamResponse } from "./platform/network/network.ts";
import { readAside } from "./upstreams/store-sources.ts";

/** Mirrors that served wrong bytes and are not asked. */
export async function checkPutAside(
  { database }: { readonly database: Database },
  clock: Clock,
  { upstreams }: Pick<Config, "upstreams">,
): Promise<readonly DoctorFinding[]> {
  const mirrors = upstreams.filter(({ kind }) => kind === "mirror");
  if (mirrors.length === 0) return [];
  const rows = (await readAside(database.read)).filter((row) => row.until_ms > clock.now());
  const aside = rows.filter((row) => mirrors.some(({ name, url }) => name === row.alias && url === row.url));
  if (aside.length === 0) return [fine("put-aside", "No mirror is put aside.")];
  return aside.map((row) =>
    warning(
      "put-aside",
      `The mirror ${row.alias} is put aside until ${new Date(row.until_ms).toISOString()}: it served wrong bytes of ${row.name}@${row.version}.`,
      `Find out why; when it is mended, run assay upstream restore ${row.alias}.`,
    ),
  );
}

interface UpstreamCheckDeps {
  readonly clock: Clock;
  readonly client: UpstreamClient;
  /** Whether requests carry credentials. */
  readonly hasCredentials: boolean;
}

const warnSkewMs = 30_000;
const mostSkewMs = 300_000;

/** Is one upstream there, does it take our credentials, and do the clocks agree? Never throws for what it answers. */
export async function* checkUpstream(
  { clock, client, hasCredentials }: UpstreamCheckDeps,
  upstream: UpstreamConfig,
): AsyncGenerator<DoctorFinding, void, undefined> {
  const where = `The ${upstream.kind === "registry" ? "upstream" : upstream.kind} ${upstream.name} at ${urlInWords(upstream.url)}`;
  const startedMs = clock.monotonicMs();
  let answer: Pick<UpstreamResponse, "status" | "headers">;
  let refusal: number | undefined;
  try {
    // Any answer shows that it is there; not every registry has a ping.
    answer = await ask(client, "/-/ping");
    refusal = refusedBy(answer);
    if (refusal === undefined && hasCredentials) refusal = refusedBy(await ask(client, "/-/whoami"));
  } catch (error) {
    yield unreachable(where, error);
    return;
  }
  const tookMs = clock.monotonicMs() - startedMs;
  if (refusal !== undefined) {
    yield failed(
      "upstream",
      `${where} answers, but ${hasCredentials ? "refuses the credentials" : "asks for credentials and has none"} (status ${refusal}).`,
      `Set ASSAY_UPSTREAM_${upstream.name.toUpperCase().replaceAll("-", "_")}_AUTHORIZATION to a token that may read there.`,
    );
  } else yield fine("upstream", `${where} answers.`);
  yield checkClock(clock, upstream.name, answer.headers["date"], tookMs);
}

async function ask(client: UpstreamClient, path: string): Promise<UpstreamResponse> {
  const answer = await client.request(path, { decode: true, maxBytes: 1_048_576 });
  answer.body.destroy();
  return answer;
}

function refusedBy({ status }: Pick<UpstreamResponse, "status">): number | undefined {
  return status === 401 || status === 403 ? status : undefined;
}

function unreachable(where: string, error: unknown): DoctorFinding {
  const reason = error instanceof NetworkError ? `${error.reason}: ${error.message}` : messageOf(error);
  const isTls = /CERT|TLS|SSL|VERIFY|ALTNAME/.test(reason);
  return failed(
    "upstream",
    `${where} does not answer (${reason}).`,
    isTls
      ? "Its certificate is not trusted here: name its authority as network.caFile, or have it renewed; what is stored is served meanwhile."
      : "Check its URL, the network and the proxy settings; what is stored is served meanwhile.",
  );
}

function checkClock(clock: Clock, name: string, date: string | undefined, tookMs: number): DoctorFinding {
  const theirs = Date.parse(date ?? "");
  if (!Number.isFinite(theirs)) {
    return warning(
      "clock",
      `The upstream ${name} tells no time to compare the clock with.`,
      "Check that the machine's clock is synchronised.",
    );
  }
  // Its Date has whole seconds and was made some time during the request.
  const skewMs = Math.max(0, Math.abs(clock.now() - theirs) - tookMs - 1000);
  const words = `The clock differs from that of ${name} by about ${Math.round(skewMs / 1000)} s.`;
  const advice = "Synchronise the clock: records, cooldowns and tokens rest on it.";
  if (skewMs > mostSkewMs) return failed("clock", words, advice);
  return skewMs > warnSkewMs
    ? warning("clock", words, advice)
    : fine("clock", `The clock agrees with that of ${name}.`);
}
