/** Verdaccio, pinned in `packages/testkit/verdaccio`: an upstream of Assay in tests, and what it is compared with. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { installPinned } from "./install-pinned.ts";
import { startPeer } from "./peer-process.ts";
import type { PeerProcess } from "./peer-process.ts";
import { freePort } from "./server-process.ts";

const folder = path.join(import.meta.dirname, "..", "verdaccio");
const program = path.join(folder, "node_modules", "verdaccio", "bin", "verdaccio");

/** `installPinned` of Verdaccio, about 10 s and 65 MB. */
export async function installVerdaccio(say: (line: string) => void): Promise<void> {
  await installPinned({ folder, what: "Verdaccio, about 65 MB" }, say);
}

export interface VerdaccioOptions {
  /** Base URLs that it reads through to, in its order of preference. Default none: it only holds what is published. */
  readonly uplinks?: readonly string[];
  /** How long it believes a packument, as Verdaccio spells times. Default `60m`. */
  readonly maxAge?: string;
  /** Who reads and publishes, as Verdaccio spells groups. Default `$all`. */
  readonly access?: string;
}

export interface Verdaccio extends PeerProcess {
  /** What it keeps: a folder a package. */
  readonly storage: string;
}

/** Starts Verdaccio with its usual settings and quiet logs. */
export async function startVerdaccio({
  uplinks = [],
  maxAge = "60m",
  access = "$all",
}: VerdaccioOptions = {}): Promise<Verdaccio> {
  const work = mkdtempSync(path.join(tmpdir(), "assay-verdaccio-"));
  const storage = path.join(work, "storage");
  const url = `http://127.0.0.1:${await freePort()}`;
  const names = uplinks.map((_, index) => `up${index + 1}`);
  const rule = `{ access: ${access}, publish: ${access}, unpublish: ${access}${names.length === 0 ? "" : `, proxy: ${names.join(" ")}`} }`;
  const config = path.join(work, "config.yaml");
  writeFileSync(
    config,
    [
      `storage: ${storage}`,
      `listen: ${url.slice("http://".length)}`,
      "uplinks:",
      ...uplinks.map((uplink, index) => `  up${index + 1}: { url: "${uplink}/", maxage: ${maxAge} }`),
      `packages: { "@*/*": ${rule}, "**": ${rule} }`,
      `web: { enable: false }`,
      `auth: { htpasswd: { file: ${path.join(work, "htpasswd")} } }`,
      `log: { type: stdout, format: json, level: fatal }`,
      "",
    ].join("\n"),
  );
  const peer = await startPeer({
    name: "Verdaccio",
    folder: work,
    url,
    probe: "/-/ping",
    command: [process.execPath, program, "--config", config],
  });
  return { ...peer, storage };
}
