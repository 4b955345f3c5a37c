/** Three warm reads under load: requests per second, p99, CPU a request; then resident memory. */
import { gzipSync } from "node:zlib";
import { rawRequest } from "@assay/testkit/raw-http";
import { startAssay, startNginx, startVerdaccio } from "./contenders.ts";
import type { Contender, ContenderName, StaticFile } from "./contenders.ts";
import { median } from "./numbers.ts";
import { residentBytes } from "./processes.ts";
import type { Recording } from "./recording.ts";
import type { Row } from "./table.ts";
import { runWrk } from "./wrk.ts";
import type { Round } from "./wrk.ts";

export interface ReadsOptions {
  readonly recording: Recording;
  readonly upstream: string;
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

interface Read {
  readonly what: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** Assay's share of nginx's requests per second that is wanted. */
  readonly share: number;
}

const abbreviatedType = "application/vnd.npm.install-v1+json";

/**
 * All contenders stay up; rounds go round robin, so that a noisy minute hits everybody. nginx serves the very
 * bytes that Assay answered, so that nobody wins by compressing better.
 */
export async function measureReads(options: ReadsOptions): Promise<readonly Row[]> {
  const { recording, say } = options;
  const reads: readonly Read[] = [
    {
      what: "vite, full, gzip",
      path: "/vite",
      headers: { accept: "application/json", "accept-encoding": "gzip" },
      contentType: "application/json",
      share: 0.8,
    },
    {
      what: "express, abbreviated, gzip",
      path: "/express",
      headers: {
        accept: `${abbreviatedType}; q=1.0, application/json; q=0.8, */*`,
        "accept-encoding": "gzip",
      },
      contentType: abbreviatedType,
      share: 0.5,
    },
    {
      what: `tarball, ${Math.round(recording.tarball.bytes.byteLength / 1024)} KB`,
      path: recording.tarball.path,
      headers: {},
      contentType: "application/octet-stream",
      share: 0.5,
    },
  ];
  await using running = new AsyncDisposableStack();
  const up: Contender[] = [];
  if (options.contenders.includes("Assay")) up.push(running.use(await startAssay(options.upstream)));
  if (options.contenders.includes("Verdaccio")) {
    up.push(running.use(await startVerdaccio(options.upstream)));
  }
  if (options.contenders.includes("nginx")) {
    const files = await staticFiles(
      reads,
      recording,
      up.find(({ name }) => name === "Assay"),
    );
    up.push(running.use(await startNginx(files)));
  }
  for (const contender of up) {
    for (const read of reads) await warmUp(contender, read, say);
  }

  const rounds = new Map<string, Round[]>();
  for (let round = 0; round < options.rounds; round += 1) {
    for (const read of reads) {
      for (const contender of up) {
        const result = await runWrk({
          url: `${contender.url}${read.path}`,
          headers: read.headers,
          connections: 32,
          seconds: options.seconds,
          pid: contender.pid,
        });
        const key = `${read.what}/${contender.name}`;
        rounds.set(key, [...(rounds.get(key) ?? []), result]);
        const failures = result.failures === 0 ? "" : `, ${result.failures} FAILED`;
        say(
          `  round ${round + 1}: ${read.what}, ${contender.name}: ${Math.round(result.requestsPerSecond)}/s, ` +
            `p99 ${result.p99Milliseconds.toFixed(1)} ms, ${result.cpuMicrosecondsPerRequest.toFixed(0)} µs CPU${failures}`,
        );
      }
    }
  }
  const of = (read: Read, pick: (round: Round) => number): Row["values"] =>
    Object.fromEntries(up.map(({ name }) => [name, median((rounds.get(`${read.what}/${name}`) ?? []).map(pick))]));
  const rows = reads.flatMap((read): Row[] => {
    const perSecond = of(read, (round) => round.requestsPerSecond);
    const { Assay: assay, nginx } = perSecond;
    return [
      {
        what: read.what,
        unit: "requests/s",
        values: perSecond,
        budget: {
          text: `≥ ${read.share} × nginx`,
          isMet: assay !== undefined && nginx !== undefined && assay >= read.share * nginx,
        },
      },
      { what: "  p99", unit: "ms", values: of(read, (round) => round.p99Milliseconds) },
      {
        what: "  server CPU a request",
        unit: "µs",
        values: of(read, (round) => round.cpuMicrosecondsPerRequest),
      },
    ];
  });
  const resident = Object.fromEntries(
    up.map(({ name, pid }) => [name, residentBytes(pid) / 1024 / 1024]),
  ) as Row["values"];
  rows.push({
    what: "RSS after that load",
    unit: "MiB",
    values: resident,
    budget: { text: "≤ 200", isMet: (resident.Assay ?? Infinity) <= 200 },
  });
  return rows;
}

/** Fills caches, and makes sure that everybody answers the same thing before anything is timed. */
async function warmUp(contender: Contender, read: Read, say: (line: string) => void): Promise<void> {
  for (let index = 0; index < 3; index += 1) {
    const response = await fetch(`${contender.url}${read.path}`, { headers: { ...read.headers } });
    const bytes = await response.arrayBuffer();
    if (!response.ok) throw new Error(`${contender.name} answers ${read.path} with ${response.status}`);
    if (index === 0) {
      say(
        `  ${contender.name}: ${read.what}: ${response.headers.get("content-length") ?? "chunked"} bytes sent, ` +
          `${bytes.byteLength} decoded, ${response.headers.get("content-encoding") ?? "identity"}`,
      );
    }
  }
}

async function staticFiles(
  reads: readonly Read[],
  recording: Recording,
  assay: Contender | undefined,
): Promise<readonly StaticFile[]> {
  const files: StaticFile[] = [];
  for (const read of reads) {
    const isTarball = read.path === recording.tarball.path;
    const document = recording.documents.find(({ name }) => `/${name}` === read.path);
    const recorded = read.contentType === abbreviatedType ? document?.abbreviated : document?.full;
    const bytes =
      assay !== undefined
        ? (await rawRequest(assay.url, read.path, { headers: read.headers })).body
        : isTarball
          ? recording.tarball.bytes
          : gzipSync(recorded ?? "", { level: 6 });
    files.push({
      path: read.path,
      bytes,
      contentType: read.contentType,
      contentEncoding: isTarball ? undefined : "gzip",
    });
  }
  return files;
}
