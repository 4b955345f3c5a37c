import {
  addressBlocks,
  oneOf,
  path,
  publicUrls,
  size,
  text,
  upstreamAlias,
  upstreamUrl,
  whole,
  type Kind,
} from "./kinds.ts";
import { ciSettings } from "./ci-issuers.ts";
import { identitySettings } from "./identity-settings.ts";
import { publishSettings } from "./publish-settings.ts";
import { upkeepSettings } from "./upkeep-settings.ts";
import { logSettings } from "./log-settings.ts";
import { logKey, witnessPolicy } from "./log-kinds.ts";
import { upstreamSettings, variableOf } from "./upstream-settings.ts";

/** One thing that can be configured. The table below is all there is: parsing, schema and template come from it. */
export interface Setting {
  /** Dotted place in assay.yaml. */
  readonly key: string;
  readonly env: string;
  /** Name on the command line, without dashes. */
  readonly flag?: string;
  readonly kind: Kind;
  /** As it would be written in assay.yaml; undefined: found out at start, as `doc` says. */
  readonly fallback: unknown;
  /** For the template and the schema: full sentences, what and why. */
  readonly doc: string;
  /** What the template shows where there is no fixed default. */
  readonly example?: unknown;
}

/** One registry that owns every name, without an alias: `upstream.url` and what else means something then. */
function shortForm(): readonly Setting[] {
  const url =
    "The registry that packages are read from. Default: the one that npm is configured for, remembered at the first start.";
  const name: Setting = {
    key: "upstream.name",
    env: "ASSAY_UPSTREAM_NAME",
    kind: upstreamAlias(),
    fallback: "npm",
    doc: "Short name of the upstream; stands in log records as `source`.",
  };
  const others = upstreamSettings
    .filter(({ isShort }) => isShort === true)
    .map(({ key, kind, fallback, example, doc }): Setting => {
      const common = { key: `upstream.${key}`, kind, fallback, example };
      return key === "url"
        ? { ...common, env: "ASSAY_UPSTREAM", flag: "upstream", doc: url }
        : { ...common, env: `ASSAY_UPSTREAM_${variableOf(key)}`, doc };
    });
  return [...others.slice(0, 1), name, ...others.slice(1)];
}

/** A setting that only a file and the command line know. */
export type FileSetting = Omit<Setting, "env">;

export const settings: readonly Setting[] = [
  {
    key: "dataFolder",
    env: "ASSAY_DATA",
    flag: "data",
    kind: path(),
    fallback: "./assay-data",
    doc: "Everything that must survive lives here.",
  },
  {
    key: "listen.host",
    env: "ASSAY_HOST",
    flag: "host",
    kind: text("an IP address or host name", "^[A-Za-z0-9.:_-]{1,253}$"),
    fallback: "127.0.0.1",
    doc: "Address to listen on. Beyond loopback, publicUrls must be given.",
  },
  {
    key: "listen.port",
    env: "ASSAY_PORT",
    flag: "port",
    kind: whole(0, 65_535),
    fallback: 4873,
    doc: "Port to listen on; 0 takes any free one.",
  },
  {
    key: "publicUrls",
    env: "ASSAY_PUBLIC_URL",
    flag: "public-url",
    kind: publicUrls(),
    fallback: undefined,
    example: ["https://registry.example.com"],
    doc: "URLs under which clients reach this server; the first is canonical, any other host is refused. Default on loopback: its names.",
  },
  {
    key: "trustedProxies",
    env: "ASSAY_TRUSTED_PROXIES",
    kind: addressBlocks(),
    fallback: [],
    doc: "Addresses or CIDR blocks of proxies whose X-Forwarded-Host and X-Forwarded-Proto are believed.",
  },

  ...shortForm(),

  {
    key: "network.proxy",
    env: "ASSAY_NETWORK_PROXY",
    kind: text("an http or https URL", "^https?://[^\\s]+$"),
    fallback: undefined,
    example: "http://proxy.example.com:3128",
    doc: "Proxy for requests to the upstream. Default: npm's https-proxy and proxy, else HTTPS_PROXY and HTTP_PROXY.",
  },
  {
    key: "network.noProxy",
    env: "ASSAY_NETWORK_NO_PROXY",
    kind: text("hosts separated by commas", "^[^\\s]*$"),
    fallback: undefined,
    example: "localhost,.example.com",
    doc: "Hosts reached without the proxy. Default: npm's noproxy, else NO_PROXY.",
  },
  {
    key: "network.caFile",
    env: "ASSAY_NETWORK_CA_FILE",
    kind: path(),
    fallback: undefined,
    example: "./company-ca.pem",
    doc: "PEM file with certificates to trust besides the usual ones. Default: npm's cafile.",
  },

  {
    key: "database.engine",
    env: "ASSAY_DATABASE_ENGINE",
    kind: oneOf("sqlite", "postgres"),
    fallback: undefined,
    example: "sqlite",
    doc: "Default: postgres when ASSAY_DATABASE_URL is set, else sqlite in the data folder.",
  },

  {
    key: "role",
    env: "ASSAY_ROLE",
    flag: "role",
    kind: oneOf("registry", "log"),
    fallback: "registry",
    doc: "log: this server is a checksum database and nothing else; what is looked up there it fetches from its upstream and binds.",
  },
  {
    key: "checksums.url",
    env: "ASSAY_CHECKSUMS_URL",
    kind: upstreamUrl(),
    fallback: undefined,
    example: "https://sum.example.com",
    doc: "Somebody else's checksum database that is followed instead of one of our own; needs checksums.vkey.",
  },
  {
    key: "checksums.vkey",
    env: "ASSAY_CHECKSUMS_VKEY",
    kind: logKey(),
    fallback: undefined,
    example: "log.example/npm+caaf430b+AQZd48zwXEvPIzkT+69rYaKheY8DByr46GgAAY0QwNHN",
    doc: "The key of the log that is followed. Get it from a second place than its URL.",
  },
  {
    key: "checksums.witnesses",
    env: "ASSAY_CHECKSUMS_WITNESSES",
    kind: witnessPolicy(),
    fallback: undefined,
    example: "quorum none",
    doc: "Whose cosignatures every checkpoint of the followed log must have (docs/formats/witness-policy.md). Default: nobody's.",
  },
  {
    key: "checksums.maxAgeSeconds",
    env: "ASSAY_CHECKSUMS_MAX_AGE_SECONDS",
    kind: whole(10, 31_536_000),
    fallback: undefined,
    example: 86_400,
    doc: "How old the newest checkpoint may be by its witnesses' clocks; needs checksums.witnesses. Default: any age.",
  },
  ...logSettings,

  {
    key: "packuments.maxAgeSeconds",
    env: "ASSAY_PACKUMENTS_MAX_AGE_SECONDS",
    kind: whole(0, 86_400),
    fallback: 300,
    doc: "A packument older than this is revalidated with the upstream.",
  },
  {
    key: "packuments.notFoundSeconds",
    env: "ASSAY_PACKUMENTS_NOT_FOUND_SECONDS",
    kind: whole(0, 3600),
    fallback: 30,
    doc: "How long a not-found is remembered.",
  },
  {
    key: "removed.refuseWithinHours",
    env: "ASSAY_REMOVED_REFUSE_WITHIN_HOURS",
    kind: whole(0, 87_600),
    fallback: 72,
    doc: "A version that the upstream removes this soon after it was first seen is refused until a person frees it.",
  },

  {
    key: "lockfileUrls",
    env: "ASSAY_LOCKFILE_URLS",
    kind: oneOf("here", "upstream"),
    fallback: "here",
    doc: "Whose tarball URLs packuments carry: this server's, or the owner's. See docs/operations/lockfiles.md before you change it.",
  },

  ...identitySettings,
  ...ciSettings,
  ...publishSettings,
  ...upkeepSettings,

  {
    key: "limits.packumentBytes",
    env: "ASSAY_LIMITS_PACKUMENT_BYTES",
    kind: size(),
    fallback: "64MiB",
    doc: "Largest packument taken from an upstream.",
  },
  {
    key: "limits.tarballBytes",
    env: "ASSAY_LIMITS_TARBALL_BYTES",
    kind: size(),
    fallback: "256MiB",
    doc: "Largest packed tarball.",
  },
  {
    key: "limits.unpackedBytes",
    env: "ASSAY_LIMITS_UNPACKED_BYTES",
    kind: size(),
    fallback: "2GiB",
    doc: "Largest archive after unpacking.",
  },
  {
    key: "limits.archiveEntries",
    env: "ASSAY_LIMITS_ARCHIVE_ENTRIES",
    kind: whole(1, 10_000_000),
    fallback: 200_000,
    doc: "Most entries in an archive.",
  },
  {
    key: "limits.requestBodyBytes",
    env: "ASSAY_LIMITS_REQUEST_BODY_BYTES",
    kind: size(),
    fallback: "1MiB",
    doc: "Largest request body, where a route has no limit of its own.",
  },
  {
    key: "limits.memoryCacheBytes",
    env: "ASSAY_LIMITS_MEMORY_CACHE_BYTES",
    kind: size(),
    fallback: "64MiB",
    doc: "Memory for finished documents and small tarballs.",
  },

  {
    key: "logging.level",
    env: "ASSAY_LOGGING_LEVEL",
    kind: oneOf("debug", "info", "warn", "error"),
    fallback: "info",
    doc: "Least important lines that are written.",
  },
  {
    key: "logging.format",
    env: "ASSAY_LOGGING_FORMAT",
    kind: oneOf("auto", "text", "json"),
    fallback: "auto",
    doc: "auto: text on a terminal, JSON lines elsewhere.",
  },
  {
    key: "logging.accessLog",
    env: "ASSAY_LOGGING_ACCESS_LOG",
    kind: path(),
    fallback: "off",
    doc: "off, stdout, or a file that one JSON line a request is appended to.",
  },
];

/**
 * Values that are never written to assay.yaml: an environment variable, or `<name>_FILE` with a path to a file that
 * holds it. Each upstream has one of its own besides: `ASSAY_UPSTREAM_<ALIAS>_AUTHORIZATION`.
 */
export const secretVariables = [
  "ASSAY_UPSTREAM_AUTHORIZATION",
  "ASSAY_DATABASE_URL",
  "ASSAY_PROVIDER_CLIENT_SECRET",
] as const;

export type SecretVariable = (typeof secretVariables)[number] | `ASSAY_UPSTREAM_${string}_AUTHORIZATION`;

/** The variable with the credentials of an upstream: upper case, dashes as underscores. */
export function authorizationVariable(alias: string): SecretVariable {
  return `ASSAY_UPSTREAM_${alias.toUpperCase().replaceAll("-", "_")}_AUTHORIZATION`;
}

/** A value with where it came from, before it is checked. */
export interface RawValue {
  readonly value: unknown;
  /** For people: `--port`, `ASSAY_PORT`, `/etc/assay.yaml:3:9`. */
  readonly source: string;
  /** What a relative path is relative to. */
  readonly folder: string;
  /** Where each member of a list stands, when that is known. */
  readonly items?: readonly string[];
}

/** Values of one source by dotted key. */
export type Layer = ReadonlyMap<string, RawValue>;
