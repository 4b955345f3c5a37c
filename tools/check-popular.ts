/**
 * Looks for false alarms: takes the `latest` version of each named package from the registry that npm is
 * configured for and runs the checks of admission on it (integrity, archive, manifest: the same functions).
 *
 *   node tools/check-popular.ts --first 1000 [--names FILE] [--parallel 6] [--offline]
 *
 * What was downloaded stays under .cache/popular, so that a second run is quick and a stopped one goes on;
 * `--offline` uses nothing else. Prints every refusal and a table of findings by rule. Exit code 0: no refusal;
 * 1: some; 2: wrong use. Names that the registry does not have are listed and do not count.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { integrityFromSha512, manifestFragmentText, parsePackageName, parseVersion, sha512Of } from "@assay/core";
import { readArchive } from "../packages/server/src/admission/archive/archive.ts";
import { compareBytes } from "../packages/server/src/admission/compare.ts";
import { basisOf } from "../packages/server/src/admission/locate.ts";
import { compareManifest } from "../packages/server/src/admission/manifest.ts";

/** The defaults of the server's configuration. */
const limits = { tarballBytes: 256 * 1024 ** 2, unpackedBytes: 2 * 1024 ** 3, entries: 200_000 };
const root = join(import.meta.dirname, "..");
const cache = join(root, ".cache", "popular");

interface Release {
  readonly version: string;
  readonly manifest: Readonly<Record<string, unknown>> & { readonly dist?: Readonly<Record<string, unknown>> };
}

interface Result {
  readonly name: string;
  readonly outcome: "accepted" | "refused" | "missing" | "failed";
  readonly rules: readonly string[];
  readonly detail: string;
}

class Missing extends Error {}

/** A file of the cache, or what `load` brings; written whole or not at all. */
async function cached(file: string, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const path = join(cache, file);
  try {
    return await readFile(path);
  } catch {
    const bytes = await load();
    await writeFile(`${path}.part`, bytes);
    await rename(`${path}.part`, path);
    return bytes;
  }
}

async function get(url: string): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url, {
        headers: { accept: "application/json, */*" },
        signal: AbortSignal.timeout(120_000),
      });
      if (response.status === 404) throw new Missing("not in this registry");
      if (!response.ok) throw new Error(`status ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.length > limits.tarballBytes) throw new Error("too large");
      return bytes;
    } catch (error) {
      if (error instanceof Missing || attempt === 3) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * attempt));
    }
  }
}

/** The newest version of a package, without the rest of its packument. */
async function latest(registry: string | undefined, name: string): Promise<Release> {
  const bytes = await cached(`${encodeURIComponent(name)}.json`, async () => {
    const url = `${online(registry)}/${name.replace("/", "%2f")}`;
    const packument = JSON.parse(Buffer.from(await get(url)).toString());
    const version = packument["dist-tags"]?.latest;
    const manifest = packument.versions?.[version];
    if (manifest === undefined) throw new Missing("no latest version");
    return Buffer.from(JSON.stringify({ version, manifest }));
  });
  return JSON.parse(Buffer.from(bytes).toString()) as Release;
}

function online(registry: string | undefined): string {
  if (registry === undefined) throw new Missing("not in the cache");
  return registry;
}

async function check(registry: string | undefined, text: string): Promise<Result> {
  const result = (outcome: Result["outcome"], rules: readonly string[], detail = ""): Result => ({
    name: text,
    outcome,
    rules,
    detail,
  });
  try {
    const name = parsePackageName(text);
    const release = await latest(registry, name);
    const version = parseVersion(release.version);
    const { dist = {} } = release.manifest;
    const id = `${text}@${version}`;
    const tarball = await cached(`${encodeURIComponent(`${name}@${version}`)}.tgz`, async () => {
      online(registry);
      return get(String(dist["tarball"]));
    });
    manifestFragmentText(release.manifest);
    const integrity = typeof dist["integrity"] === "string" ? sha512Of(dist["integrity"]) : undefined;
    const shasum = typeof dist["shasum"] === "string" ? dist["shasum"] : undefined;
    const basis = basisOf({ integrity, shasum }, "accept-sha1");
    if (basis === undefined) return result("refused", ["upstream/no-integrity"], id);
    const sums = {
      integrity: integrityFromSha512(createHash("sha512").update(tarball).digest()),
      sha1: createHash("sha1").update(tarball).digest("hex"),
    };
    const difference = compareBytes(basis, sums);
    if (difference !== undefined) return result("refused", ["wrong-bytes"], `${id} ${difference}`);
    const archive = await readArchive(pieces(tarball), tarball.length, limits);
    if (archive.verdict === "refused") return result("refused", [archive.rule], `${id} ${archive.reason}`);
    const manifest = compareManifest({ ...archive, name, version }, release.manifest);
    if (manifest.verdict === "refused") return result("refused", [manifest.rule], `${id} ${manifest.reason}`);
    const findings = [...archive.findings, ...manifest.findings];
    const weak = basis.kind === "sha1" ? ["upstream/sha1-only"] : [];
    return result("accepted", [...weak, ...findings.map((finding) => finding.rule)], id);
  } catch (error) {
    return result(
      error instanceof Missing ? "missing" : "failed",
      [],
      error instanceof Error ? error.message : String(error),
    );
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
}

function progress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total}`);
  else if (done % 100 === 0) process.stderr.write(`${done} of ${total}\n`);
}

function report(results: readonly Result[]): void {
  const of = (outcome: Result["outcome"]): readonly Result[] => results.filter((result) => result.outcome === outcome);
  for (const outcome of ["missing", "failed", "refused"] as const) {
    for (const { name, rules, detail } of of(outcome))
      console.log(`${outcome}  ${name}  ${rules.join(" ")}  ${detail}`);
  }
  const byRule = new Map<string, string[]>();
  for (const { name, rules } of of("accepted")) {
    for (const rule of rules) byRule.set(rule, [...(byRule.get(rule) ?? []), name]);
  }
  console.log("\nfindings");
  for (const [rule, names] of [...byRule].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`${String(names.length).padStart(6)}  ${rule}  ${names.slice(0, 5).join(" ")}`);
  console.log(
    `\n${of("accepted").length} accepted, ${of("refused").length} refused, ${of("failed").length} failed, ${of("missing").length} not there`,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      first: { type: "string", default: "1000" },
      names: { type: "string", default: join(root, "packages", "testkit", "data", "popular-npm-names.txt") },
      parallel: { type: "string", default: "6" },
      offline: { type: "boolean", default: false },
    },
  });
  const first = Number(values.first);
  const parallel = Number(values.parallel);
  if (!Number.isInteger(first) || first < 1 || !Number.isInteger(parallel) || parallel < 1 || parallel > 16) {
    console.error("usage: node tools/check-popular.ts --first N [--names FILE] [--parallel 1..16] [--offline]");
    return 2;
  }
  const names = (await readFile(values.names, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .slice(0, first);
  await mkdir(cache, { recursive: true });
  // npm knows which registry it uses; no other place is asked.
  const registry = values.offline
    ? undefined
    : execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
        .trim()
        .replace(/\/$/, "");
  const results: Result[] = [];
  const queue = [...names];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      results.push(await check(registry, name));
      progress(results.length, names.length);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  report(results);
  return results.some(({ outcome }) => outcome === "refused" || outcome === "failed") ? 1 : 0;
}

process.exitCode = await main();
