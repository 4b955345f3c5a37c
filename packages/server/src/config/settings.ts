import {
  addressBlocks,
  oneOf,
  path,
  publicUrls,
  size,
  text,
  upstreamAlias,
  upstreamUrl,
  vkeys,
  whole,
  type Kind,
} from "./kinds.ts";
import { ciSettings } from "./ci-issuers.ts";
import { identitySettings } from "./identity-settings.ts";
import { upkeepSettings } from "./upkeep-settings.ts";
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
  {
    key: "log.visibility",
    env: "ASSAY_LOG_VISIBILITY",
    kind: oneOf("private", "public"),
    fallback: "private",
    doc: "Who may know what the checksum database holds; fixed when a log is created.",
  },
  {
    key: "log.readers",
    env: "ASSAY_LOG_READERS",
    kind: oneOf("anyone", "nobody"),
    fallback: undefined,
    example: "nobody",
    doc: "Who may read entries and proofs of a private log. Default: anyone when everything is loopback, else nobody.",
  },
  {
    key: "log.guardFolder",
    env: "ASSAY_LOG_GUARD_FOLDER",
    kind: path(),
    fallback: undefined,
    example: "/var/lib/assay-guard",
    doc: "Second copy of the signing guard; must be outside the data folder. Default: assay/guard in the user's state folder.",
  },
  {
    key: "log.witnesses",
    env: "ASSAY_LOG_WITNESSES",
    kind: text("none, or the text of a witness policy", "^[^\\u0000]{1,262144}$"),
    fallback: "none",
    doc: "Who must cosign a checkpoint before it is public: a C2SP tlog-policy with the witnesses' URLs, see docs/operations/quorum.md.",
  },
  {
    key: "log.witnessesFile",
    env: "ASSAY_LOG_WITNESSES_FILE",
    kind: path(),
    fallback: undefined,
    example: "./witnesses.policy",
    doc: "The same in a file of its own.",
  },
  {
    key: "log.witnessTimeoutMs",
    env: "ASSAY_LOG_WITNESS_TIMEOUT_MS",
    kind: whole(100, 60_000),
    fallback: 2000,
    doc: "Longest wait for one witness.",
  },
  {
    key: "log.witnessIntervalMs",
    env: "ASSAY_LOG_WITNESS_INTERVAL_MS",
    kind: whole(0, 600_000),
    fallback: 100,
    doc: "Least time between two rounds of asking all witnesses: how often they are troubled under load.",
  },
  {
    key: "log.witnessRefreshMinutes",
    env: "ASSAY_LOG_WITNESS_REFRESH_MINUTES",
    kind: whole(1, 10_080),
    fallback: 10,
    doc: "An idle log has its checkpoint cosigned again after this time, so that its age says that the log lives.",
  },
  {
    key: "log.release",
    env: "ASSAY_LOG_RELEASE",
    kind: oneOf("claim", "checkpoint", "quorum"),
    fallback: "claim",
    doc: "What the first download of a version waits for: its claim, a signed checkpoint that covers it, or one that is cosigned too.",
  },
  {
    key: "log.seen",
    env: "ASSAY_LOG_SEEN",
    kind: oneOf("off", "bound-names", "all"),
    fallback: "off",
    doc: "Whether versions that are only listed, and not fetched, are recorded in the log: of no package, of those of which a version is bound, or of all that anybody asks for. Costs about 1.5 kB a version.",
  },
  {
    key: "log.approvers",
    env: "ASSAY_LOG_APPROVERS",
    kind: vkeys(),
    fallback: [],
    doc: "vkeys of the people who may approve that a wrong bind is replaced (assay log supersede). Their keys belong on their own machines.",
  },
  {
    key: "log.approvalsNeeded",
    env: "ASSAY_LOG_APPROVALS_NEEDED",
    kind: whole(1, 16),
    fallback: 2,
    doc: "How many different approvers must sign.",
  },

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
export const secretVariables = ["ASSAY_UPSTREAM_AUTHORIZATION", "ASSAY_DATABASE_URL"] as const;

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
