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
}

/** Starts Verdaccio with its usual settings and quiet logs; everybody may read and publish. */
export async function startVerdaccio({ uplinks = [], maxAge = "60m" }: VerdaccioOptions = {}): Promise<PeerProcess> {
  const work = mkdtempSync(path.join(tmpdir(), "assay-verdaccio-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const names = uplinks.map((_, index) => `up${index + 1}`);
  const rule = `{ access: $all, publish: $all${names.length === 0 ? "" : `, proxy: ${names.join(" ")}`} }`;
  const config = path.join(work, "config.yaml");
  writeFileSync(
    config,
    [
      `storage: ${path.join(work, "storage")}`,
      `listen: ${url.slice("http://".length)}`,
      "uplinks:",
      ...uplinks.map((uplink, index) => `  up${index + 1}: { url: "${uplink}/", maxage: ${maxAge} }`),
      `packages: { "@*/*": ${rule}, "**": ${rule} }`,
      `web: { enable: false }`,
      `log: { type: stdout, format: json, level: fatal }`,
      "",
    ].join("\n"),
  );
  return startPeer({
    name: "Verdaccio",
    folder: work,
    url,
    probe: "/-/ping",
    command: [process.execPath, program, "--config", config],
  });
}
