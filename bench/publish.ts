/**
 * Publishing beside Verdaccio: how many small and large packages a second one client and twenty publish, and the memory
 * that Assay takes while a body of 500 MB arrives. Assay's 201 says that the version is durable and under a signed
 * checkpoint of its organisation's log. Round robin, medians.
 *
 * `node bench/publish.ts [--rounds 3] [--small 200] [--large 20] [--body 500]`; 0 leaves a part out.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { rawRequest } from "@assay/testkit/raw-http";
import { packageTgz } from "@assay/testkit/tarball";
import { installVerdaccio, startVerdaccio } from "@assay/testkit/verdaccio";
import { publishBody, startPublisher } from "../packages/server/test/publisher.ts";
import { figure, median } from "./numbers.ts";
import { cpuSeconds, residentBytes } from "./processes.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    small: { type: "string", default: "200" },
    large: { type: "string", default: "20" },
    body: { type: "string", default: "500" },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const mebibyte = 2 ** 20;

interface Registry {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Attempt {
  readonly path: string;
  readonly body: Buffer;
}

await installVerdaccio(say);
await using stack = new AsyncDisposableStack();
const publisher = stack.use(await startPublisher("limits: {tarballBytes: 536870912}\npublish: {perMinute: 0}\n"));
const verdaccio = stack.use(await startVerdaccio());
const assay: Registry = {
  name: "Assay",
  url: publisher.server.url,
  pid: publisher.server.pid,
  headers: { authorization: `Bearer ${publisher.token}` },
};
const registries: readonly Registry[] = [assay, { name: "Verdaccio", ...verdaccio, headers: {} }];
let versions = 0;

await compare("10 KB", Number(values.small), 9_000);
await compare("5 MB", Number(values.large), 5 * mebibyte);
if (Number(values.body) > 0) await measureMemory(Number(values.body));

/** Prints publishes per second of each registry, by one client and by twenty. */
async function compare(title: string, count: number, fillerBytes: number): Promise<void> {
  if (count === 0) return;
  for (const clients of [1, 20]) {
    const rates = new Map<string, number[]>();
    const costs = new Map<string, number[]>();
    for (let round = 0; round < Number(values.rounds); round++)
      for (const registry of round % 2 === 0 ? registries : registries.toReversed()) {
        const attempts = plan(Math.ceil(clients === 1 ? count / 4 : count), clients, fillerBytes);
        const { seconds, cpu } = await publishAll(registry, attempts, clients);
        rates.set(registry.name, [...(rates.get(registry.name) ?? []), attempts.length / seconds]);
        costs.set(registry.name, [...(costs.get(registry.name) ?? []), (cpu / attempts.length) * 1000]);
      }
    for (const [name, measured] of rates)
      say(
        `${title}, ${clients} ${clients === 1 ? "client" : "clients"}, ${name}: ${figure(median(measured))}/s ` +
          `(${measured.map(figure).join(", ")}), ${figure(median(costs.get(name) ?? []))} ms CPU each`,
      );
  }
}

/** Versions of as many packages as there are clients, with bytes that nothing compresses. */
function plan(count: number, packages: number, fillerBytes: number): readonly Attempt[] {
  versions += 1;
  return Array.from({ length: count }, (_, at) => {
    const manifest = { name: `@acme/p${at % packages}-${fillerBytes}`, version: `${versions}.${at}.0` };
    const tarball = packageTgz(manifest, { "data.bin": randomBytes(fillerBytes) });
    const body = Buffer.from(JSON.stringify(publishBody(manifest, { tarball })));
    return { path: `/${manifest.name.replace("/", "%2f")}`, body };
  });
}

/** Each client publishes what is next of its own packages, one after the other. */
async function publishAll(
  { url, pid, headers }: Registry,
  attempts: readonly Attempt[],
  clients: number,
): Promise<{ readonly seconds: number; readonly cpu: number }> {
  const cpuBefore = cpuSeconds(pid);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let at = client; at < attempts.length; at += clients) {
        const { path, body } = attempts[at] as Attempt;
        const request = { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body };
        const answer = await rawRequest(url, path, request);
        if (answer.status !== 201)
          throw new Error(`${url}${path} answered ${answer.status}: ${answer.body.toString()}`);
      }
    }),
  );
  return { seconds: (performance.now() - started) / 1000, cpu: cpuSeconds(pid) - cpuBefore };
}

/** The highest resident memory while one body of so many MB arrives, above what it was before. */
async function measureMemory(megabytes: number): Promise<void> {
  const manifest = { name: "@acme/huge", version: "1.0.0" };
  const files = Object.fromEntries(
    Array.from({ length: 4 }, (_, at) => [`data-${at}.bin`, randomBytes(((megabytes * 3) / 16) * 1e6)]),
  );
  const { url, pid, headers } = assay;
  const body = streamed(manifest, packageTgz(manifest, files));
  const idle = residentBytes(pid);
  let highest = idle;
  const watching = setInterval(() => (highest = Math.max(highest, residentBytes(pid))), 50);
  const started = performance.now();
  const request = httpRequest(`${url}/@acme%2fhuge`, {
    method: "PUT",
    headers: { ...headers, "content-type": "application/json" },
  });
  const [[answer]] = await Promise.all([once(request, "response"), pipeline(body, request)]);
  clearInterval(watching);
  const { statusCode } = answer as IncomingMessage;
  if (statusCode !== 201) throw new Error(`A body of ${megabytes} MB was answered with ${statusCode}`);
  const seconds = (performance.now() - started) / 1000;
  const mib = (bytes: number): string => `${Math.round(bytes / mebibyte)} MiB`;
  say(
    `A body of ${megabytes} MB: published after ${figure(seconds)} s; resident ${mib(idle)} before, ` +
      `at most ${mib(highest)} (${mib(highest - idle)} more)`,
  );
}

/** A publish body whose tarball is encoded while it is sent. */
function streamed(manifest: Parameters<typeof publishBody>[0], tarball: Uint8Array): Readable {
  const document = publishBody(manifest, { tarball });
  for (const attachment of Object.values(document._attachments)) attachment.data = "\0";
  const [head = "", tail = ""] = JSON.stringify(document).split("\\u0000");
  return Readable.from(
    (function* () {
      yield Buffer.from(head);
      for (let at = 0; at < tarball.length; at += 786_432)
        yield Buffer.from(Buffer.from(tarball.subarray(at, at + 786_432)).toString("base64"));
      yield Buffer.from(tail);
    })(),
  );
}
