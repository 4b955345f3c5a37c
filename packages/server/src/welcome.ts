import { fileURLToPath } from "node:url";
import type { LogDescription } from "./checksums/checksums.ts";
import type { LoadedConfig } from "./config/load.ts";
import { urlInWords } from "./config/urls.ts";

interface Welcome {
  readonly version: string;
  readonly loaded: LoadedConfig;
  readonly publicUrls: readonly string[];
  readonly logs: readonly LogDescription[];
  /** Secret of the link for the first administrator; undefined once there is one. */
  readonly firstRun: string | undefined;
}

/** The command as the set-up installed it: it runs where the person is, and finds its Node by itself. */
const command = fileURLToPath(new URL("../../../node_modules/.bin/assay", import.meta.url));

function quoted(path: string): string {
  return /^[\w./:@+-]+$/.test(path) ? path : `'${path}'`;
}

/** What a person needs after the start: the address, how to point clients here, the log's key, where data lives. */
export function welcome({ version, loaded: { config }, publicUrls, logs, firstRun }: Welcome): string {
  const base = publicUrls[0] ?? "";
  const log = logs.find((each) => each.state === "open");
  const isLog = config.role === "log";
  return [
    `Assay ${version} is ready at ${base}/${isLog ? ", as a checksum database" : ""}`,
    "",
    ...(isLog ? followHelp(base) : clientHelp(base)),
    "",
    `Log key   ${log?.vkey ?? "none yet"}`,
    ...(config.checksums === undefined ? [] : [`Follows   ${urlInWords(config.checksums.url)}`]),
    ...(isLog ? [] : [`Verify    ${quoted(command)} verify --registry ${base} --trust '<log key>'`]),
    ...config.upstreams.map(
      ({ name, kind, url, of }, at) =>
        `${at === 0 ? "Upstream" : "        "}  ${name}: ${urlInWords(url)}${kind === "registry" ? "" : ` (${kind} of ${of})`}`,
    ),
    ...(firstRun === undefined ? [] : [`Admin     ${base}/-/web/first-run?secret=${firstRun}  (once, within a day)`]),
    `Data      ${config.dataFolder}`,
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}

function followHelp(base: string): readonly string[] {
  return ["A registry follows it with, in its assay.yaml:", "  checksums:", `    url: ${base}`, "    vkey: <log key>"];
}

function clientHelp(base: string): readonly string[] {
  return [
    "Point a client here, in your project:",
    `  npm     npm config set registry ${base}/ --location=project`,
    "          npm config set omit-lockfile-registry-resolved true --location=project",
    `  pnpm    pnpm config set registry ${base}/ --location=project`,
    `  Yarn 4  .yarnrc.yml:  npmRegistryServer: "${base}"${base.startsWith("http:") ? `  unsafeHttpWhitelist: ["${new URL(base).hostname}"]` : ""}`,
    `  Yarn 1  .yarnrc:      registry "${base}/"`,
    `  Bun     bunfig.toml:  [install] registry = "${base}/"`,
    `  Deno    .npmrc:       registry=${base}/`,
    `  vlt     vlt.json:     {"config": {"registry": "${base}/"}}`,
  ];
}
