/** What the server runs with: validated, frozen, safe to print (Secrets are apart). */
export interface Config {
  /** Absolute path. Everything that must survive lives below it. */
  readonly dataFolder: string;
  readonly listen: { readonly host: string; readonly port: number };
  /**
   * Allowed bases under which clients reach this server, normalised: scheme, A-label host, port when not the
   * default, path prefix, no trailing slash. The first one is canonical.
   */
  readonly publicUrls: readonly string[];
  /** True when `listen` and every public URL are loopback: decided once at start, never from a peer's address. */
  readonly loopbackOnly: boolean;
  /** Addresses or CIDR blocks whose X-Forwarded-* headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly upstream: UpstreamConfig;
  readonly network: NetworkConfig;
  readonly logging: LoggingConfig;
  readonly database: { readonly engine: "sqlite" } | { readonly engine: "postgres" };
  readonly log: LogConfig;
  readonly packuments: {
    /** Revalidate with the upstream after this age. Default 300. */
    readonly maxAgeSeconds: number;
    /** Remember a not-found this long. Default 30. */
    readonly notFoundSeconds: number;
  };
  readonly removed: {
    /** A version removed upstream within this time of our first sight is refused until freed. Default 72. */
    readonly refuseWithinHours: number;
  };
  readonly limits: {
    /** Largest packument taken from an upstream, bytes after decoding. Default 64 MiB. */
    readonly packumentBytes: number;
    /** Largest packed tarball, bytes. Default 256 MiB. */
    readonly tarballBytes: number;
    /** Largest unpacked archive, bytes. Default 2 GiB. */
    readonly unpackedBytes: number;
    /** Most entries in an archive. Default 200,000. */
    readonly archiveEntries: number;
    /** Largest request body, bytes, unless a route says otherwise. Default 1 MiB. */
    readonly requestBodyBytes: number;
    /** Memory for finished documents and small tarballs, bytes. Default 64 MiB. */
    readonly memoryCacheBytes: number;
  };
}

export interface UpstreamConfig {
  /** Operator alias, `[a-z0-9-]{1,32}`; stands in records as `source`. Default `npm`. */
  readonly name: string;
  /** Base URL, no trailing slash. */
  readonly url: string;
  /** Hosts (with port when not the default) besides the URL's own from which tarballs may come. */
  readonly tarballHosts: readonly string[];
  /** What to do with a version that has no sha512: refuse, accept a sha1, or accept none. */
  readonly integrity: "require" | "accept-sha1" | "compute";
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly bodyIdleMs: number };
}

export interface LogConfig {
  /** Fixed when the log is created. Default private. */
  readonly visibility: "private" | "public";
  /** Who may read entries, lookups, proofs and bundles of a private log. Default: anyone when loopbackOnly, else nobody. */
  readonly readers: "anyone" | "nobody";
  /** Host and path prefix of the origin, from the first public URL when it is not loopback; else undefined. */
  readonly originBase: string | undefined;
  /** Where the second copy of the signing guard lives; outside `dataFolder`. */
  readonly guardFolder: string;
}

/** How the outside is reached: from assay.yaml, or else what npm and the environment say. Proxies are in Secrets: their URLs may hold passwords. */
export interface NetworkConfig {
  /** Path of a PEM file with certificates to trust besides the usual ones (npm's `cafile`). */
  readonly caFile: string | undefined;
  /** More of them, as PEM texts (npm's `ca`). */
  readonly ca: readonly string[];
  /** NODE_EXTRA_CA_CERTS. */
  readonly extraCaFile: string | undefined;
  /** Hosts reached without a proxy, separated by commas, as in NO_PROXY. */
  readonly noProxy: string | undefined;
}

export interface LoggingConfig {
  /** Default info. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** `auto`: text on a terminal, else JSON lines. */
  readonly format: "auto" | "text" | "json";
  /** `off` (default), `stdout`, or the absolute path of a file that is appended to. */
  readonly accessLog: string;
}

/** Kept apart from Config, so that Config can be printed. */
export interface Secrets {
  /** Sent to the upstream's own origin only. */
  readonly upstreamAuthorization: string | undefined;
  /** `postgres://…` when the engine is postgres. */
  readonly databaseUrl: string | undefined;
  /** Proxies for requests to https and http upstreams; undefined: direct. */
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
}
