import { addressBlocks, oneOf, path, publicUrls, text, watchedLogs, whole } from "./kinds.ts";
import type { FileSetting } from "./settings.ts";

/** Everything that can be configured of a witness, in witness.yaml or by flags; there are no variables. */
export const witnessSettings: readonly FileSetting[] = [
  {
    key: "dataFolder",
    flag: "data",
    kind: path(),
    fallback: "./assay-witness",
    doc: "Keys, the database of what was cosigned, and evidence live here.",
  },
  {
    key: "listen.host",
    flag: "host",
    kind: text("an IP address or host name", "^[A-Za-z0-9.:_-]{1,253}$"),
    fallback: "127.0.0.1",
    doc: "Address to listen on. Beyond loopback, publicUrls must be given.",
  },
  {
    key: "listen.port",
    flag: "port",
    kind: whole(0, 65_535),
    fallback: 4874,
    doc: "Port to listen on; 0 takes any free one.",
  },
  {
    key: "publicUrls",
    flag: "public-url",
    kind: publicUrls(),
    fallback: undefined,
    example: ["https://witness.example.com"],
    doc: "URLs under which logs reach this witness; the first stands in the line for their policy.",
  },
  {
    key: "trustedProxies",
    kind: addressBlocks(),
    fallback: [],
    doc: "Addresses or CIDR blocks of proxies whose X-Forwarded-Host and X-Forwarded-Proto are believed.",
  },
  {
    key: "name",
    flag: "name",
    kind: text("1 to 200 printable characters without space and +", "^[!-*,-~]{1,200}$"),
    fallback: undefined,
    example: "witness.example.com",
    doc: "Name in the cosignatures, fixed at the first start. Default: the first public URL without its scheme.",
  },
  {
    key: "keys",
    flag: "keys",
    kind: oneOf("ed25519", "both"),
    fallback: "ed25519",
    doc: "both: cosign with ML-DSA-44 besides Ed25519.",
  },
  {
    key: "logs",
    flag: "log",
    kind: watchedLogs(),
    fallback: [],
    doc: "The logs to watch: each a vkey, with an optional =URL of its checkpoint and tiles.",
  },
  {
    key: "perMinute",
    kind: whole(1, 60_000),
    fallback: 1200,
    doc: "New checkpoints of one log that are cosigned in a minute; more get 429 and Retry-After.",
  },
  {
    key: "logging.level",
    kind: oneOf("debug", "info", "warn", "error"),
    fallback: "info",
    doc: "Least important lines that are written.",
  },
  {
    key: "logging.format",
    kind: oneOf("auto", "text", "json"),
    fallback: "auto",
    doc: "auto: text on a terminal, JSON lines elsewhere.",
  },
];
