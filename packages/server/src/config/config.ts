import type { NamePattern, WitnessPolicy } from "@assay/core";

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
  /** At least one registry, or nothing at all: then only what was imported is here. Every name has one owner among the registries: `names`, and core's name patterns. */
  readonly upstreams: readonly UpstreamConfig[];
  /** Whose URLs documents carry for tarballs: ours, or the owner's for clients that go there themselves. Default here. */
  readonly lockfileUrls: "here" | "upstream";
  readonly network: NetworkConfig;
  readonly logging: LoggingConfig;
  readonly database: { readonly engine: "sqlite" } | { readonly engine: "postgres" };
  /** `log`: a checksum database and nothing else. Default registry. */
  readonly role: "registry" | "log";
  /** Somebody else's checksum database that is followed; undefined: our own. */
  readonly checksums: FollowedLogConfig | undefined;
  readonly log: LogConfig;
  /** Names that are published here, besides the scopes of organisations. */
  readonly hosted: readonly HostedConfig[];
  /** People and tokens. */
  readonly identity: IdentityConfig;
  /** Whom people sign in through; undefined: by password alone. */
  readonly provider: ProviderConfig | undefined;
  /** What may be published here, and taken back. */
  readonly publish: PublishConfig;
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
  /** What the registry is limited to; not at all when both lists are empty. */
  readonly only: {
    readonly names: readonly NamePattern[];
    /** Absolute paths. */
    readonly lockfiles: readonly string[];
    /** Default true: what its packages depend on belongs to it. */
    readonly closure: boolean;
  };
  /** What the server has here in advance; nothing when both lists are empty. */
  readonly mirror: {
    /** `name`, `name@range`. */
    readonly names: readonly string[];
    /** Absolute paths. */
    readonly lockfiles: readonly string[];
    /** Default 60. */
    readonly everyMinutes: number;
  };
  /** Looking after what nobody asks for. */
  readonly sweep: {
    /** How long a look at everything may take; 0: nothing is looked after. Default 8. */
    readonly everyMinutes: number;
    /** Stored bytes that are read and hashed a second. Default 4 MiB. */
    readonly bytesPerSecond: number;
    /** Packuments of bound names that are read again a second. Default 2. */
    readonly requestsPerSecond: number;
    /** Bytes that are downloaded a second to compare sources with binds. Default 16 KiB. */
    readonly sampleBytesPerSecond: number;
  };
  /** Trusted publishing. */
  readonly trust: {
    /** At least one. */
    readonly issuers: readonly CiIssuerConfig[];
    /** Default 60. */
    readonly leewaySeconds: number;
    /** Default one hour. */
    readonly maxAgeSeconds: number;
    /** Lifetime of exchanged tokens. Default ten minutes. */
    readonly tokenSeconds: number;
    /** Default warn. */
    readonly openRules: "warn" | "forbid";
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
  /** Operator alias, `[a-z0-9-]{1,32}` and neither `hosted` nor `import`; stands in records as `source`. The short form's is `npm`. */
  readonly name: string;
  /**
   * A `registry` owns names: what it lists is so, what it has not is not there. A `mirror` copies a registry's
   * bytes; it decides nothing. An `auditor` lists only what it examined.
   */
  readonly kind: "registry" | "mirror" | "auditor";
  /** Base URL, A-label host, no trailing slash. */
  readonly url: string;
  /** Of a registry: which names it owns. Of a mirror or auditor: which of its registry's it is asked for. At least one. */
  readonly names: readonly NamePattern[];
  /** Alias of the registry that a mirror or auditor belongs to; undefined for a registry. */
  readonly of: string | undefined;
  /** Who runs it, for people, and to tell independent sources from others. Default its alias. */
  readonly operator: string;
  /** Hosts (with port when not the default) besides the URL's own from which tarballs may come. */
  readonly tarballHosts: readonly string[];
  /** What to do with a version that has no sha512: refuse, accept a sha1, or accept none. Of registries. */
  readonly integrity: "require" | "accept-sha1" | "compute";
  /** Signatures by the registry's keys: a version without one is refused, or taken; or they are not looked at. Of registries. */
  readonly signatures: "require" | "prefer" | "ignore";
  /** Base64 of SubjectPublicKeyInfo of its signing keys. With any of these or a file, what it publishes itself is not asked for. */
  readonly keys: readonly string[];
  /** Absolute path of a file in the form of `/-/npm/v1/keys`. */
  readonly keysFile: string | undefined;
  /** `redirect`: clients are sent there for tarballs of bound versions. */
  readonly tarballs: "serve" | "redirect";
  /** In which order a registry and its mirrors are asked for bytes. Of registries. */
  readonly choose: "order" | "fastest" | "spread";
  /** With `choose: spread`: one draw for each package, or one for each request. */
  readonly spread: "package" | "request";
  /** With `choose: spread`: another text, another draw. */
  readonly seed: string;
  /** What to do when a package says, with this registry's signature, that it moved to another one. Of registries. */
  readonly delegations: "off" | "ask" | "follow";
  /** Sources that must have the same bytes before a version is bound, at least 1. Of registries. */
  readonly agree: number;
  /** Auditors that must list a version before it shows; 0 when the registry has none. Of registries. */
  readonly auditorsNeeded: number;
  /** Share of requests with `choose: spread`; 0: only when others fail. */
  readonly weight: number;
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly bodyIdleMs: number };
  /** Absolute paths of PEM files: what this server shows of itself to the upstream's own origin. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** A CI service that says who its runs are. */
export interface CiIssuerConfig {
  /** Short name; stands in rules and in what people are shown. */
  readonly name: string;
  readonly kind: "github" | "gitlab" | "circleci" | "generic";
  /** As it stands in `iss`; `{org-id}` for services with an issuer for each organisation. */
  readonly issuer: string;
  /** Whom its tokens are meant for; undefined: `npm:<host>` of every public URL, with and without its port. */
  readonly audience: string | undefined;
  /** URL of its keys; undefined: its OpenID configuration says it. */
  readonly jwks: string | undefined;
  /** Of a generic one: its words for ours. */
  readonly claims: Readonly<Record<string, string>>;
}

export interface FollowedLogConfig {
  /** Base URL of the database, no trailing slash. */
  readonly url: string;
  /** The pinned key, of type 1. */
  readonly vkey: string;
  /** Text of a witness policy; undefined: no cosignature is asked for. */
  readonly witnesses: string | undefined;
  /** Only with witnesses. */
  readonly maxAgeSeconds: number | undefined;
}

export interface LogConfig {
  /** Fixed when the log is created. Default private. */
  readonly visibility: "private" | "public";
  /** Who may read entries, lookups, proofs and bundles of a private log. Default: anyone when loopbackOnly, else nobody. */
  readonly readers: "anyone" | "nobody";
  /** Who sees checkpoints and hash tiles of organisations' logs. Default readers. */
  readonly hostedTiles: "readers" | "anyone";
  /** Of the logs of organisations and of the registry's own. Default: not witnessed. */
  readonly organisations: { readonly witnessed: boolean };
  /** Host and path prefix of the origin, from the first public URL when it is not loopback; else undefined. */
  readonly originBase: string | undefined;
  /** Where the second copy of the signing guard lives; outside `dataFolder`. */
  readonly guardFolder: string;
  /** Who must cosign a checkpoint before it is public; every witness has a URL. Default: `noWitnesses`. */
  readonly witnesses: {
    readonly policy: WitnessPolicy;
    /** Longest wait for one witness. Default 2,000. */
    readonly timeoutMs: number;
    /** Least time between two rounds. Default 100. */
    readonly intervalMs: number;
    /** After this time the checkpoint of an idle log is cosigned again. Default 10 minutes. */
    readonly refreshMs: number;
  };
  /** What the first download of a version waits for. Default claim. */
  readonly release: "claim" | "checkpoint" | "quorum";
  /** Which versions that are merely listed are recorded as seen. Default off. */
  readonly seen: "off" | "bound-names" | "all";
  /** vkeys of who may approve a supersede, and how many of them must. */
  readonly approvers: readonly string[];
  readonly approvalsNeeded: number;
}

export interface HostedConfig {
  readonly names: readonly NamePattern[];
  readonly organisation: string;
  /** What a new package is where its publisher does not say; undefined: as any other. */
  readonly visibility: "public" | "restricted" | undefined;
  /** `stage-only`: nothing is published but what was staged and approved. Default direct. */
  readonly publish: "direct" | "stage-only";
  /** Undefined: `PublishConfig.provenance`. */
  readonly provenance: PublishConfig["provenance"] | undefined;
  /** Undefined: `PublishConfig.allowedSecrets`. */
  readonly allowedSecrets: readonly string[] | undefined;
}

/** An OpenID Connect provider. */
export interface ProviderConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Blanks between. */
  readonly scopes: string;
  /** Default 5. */
  readonly recheckMinutes: number;
  /** The claim that lists a person's groups. Default groups. */
  readonly groupsClaim: string;
  /** Whether the provider manages people over SCIM. Default false. */
  readonly scim: boolean;
  /** The claim that SCIM calls `externalId`. Default sub. */
  readonly scimClaim: string;
  /** Where members of groups belong. Default nowhere. */
  readonly groups: readonly GroupPlace[];
}

/** A group of a provider, and where its members belong here. */
export interface GroupPlace {
  readonly group: string;
  readonly organisation: string;
  /** Empty: in no team but that of all members. */
  readonly team: string;
}

export interface IdentityConfig {
  /** Who makes organisations, and gets an own one by publishing: people, people while `loopbackOnly`, or administrators. Default loopback. */
  readonly organisations: "people" | "loopback" | "admins";
  /** Who may make an account: anybody, anybody while `loopbackOnly`, who was invited, or nobody. Default loopback. */
  readonly registration: "open" | "loopback" | "invite" | "closed";
  /** Whether a password that a client sends with every request may change anything. Default false. */
  readonly passwordWrites: boolean;
  /** How long the token of a client that signed in is good. Default 30. */
  readonly loginDays: number;
  /** The longest that a token which people make is good. Default 90. */
  readonly maxTokenDays: number;
  /** Who reads what is public. Default anyone. */
  readonly read: "anyone" | "signed-in";
  /** What members read of their organisation's packages: what they own or their teams were given, or everything. Default granted. */
  readonly membersRead: "granted" | "everything";
  /** Absolute path of the folder with the shop's `*.cedar`; it may be missing. */
  readonly policies: string;
  /** What people must approve before it is carried out. Default nothing. */
  readonly approvals: readonly ApprovalRule[];
  /** How long what must be approved waits. Default 7. */
  readonly approvalDays: number;
}

/** `unpublish in acme needs 2 by olga acme:release`. */
export interface ApprovalRule {
  readonly operation: "publish" | "tag" | "deprecate" | "unpublish" | "owner" | "policy" | "trust";
  /** Undefined: everywhere. */
  readonly organisation: string | undefined;
  readonly needed: number;
  /** User names and `organisation:team`, among whom approvers must be besides what policies say; undefined: anybody. */
  readonly approvers: readonly string[] | undefined;
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
  /** By alias; of every upstream. */
  readonly upstreams: ReadonlyMap<string, UpstreamSecrets>;
  /** `postgres://…` when the engine is postgres. */
  readonly databaseUrl: string | undefined;
  /** Of this registry at the provider. */
  readonly providerClientSecret: string | undefined;
  /** Proxies for requests to https and http upstreams; undefined: direct. */
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
}

export interface UpstreamSecrets {
  /** `Bearer …` or `Basic …`, sent to the upstream's own origin only; undefined: none. */
  readonly authorization: string | undefined;
}

export interface PublishConfig {
  /** Whether versions must have a provenance statement, the publisher of a public one is told that it has none, or neither. Default warn. */
  readonly provenance: "require" | "warn" | "off";
  /** `<package> <rule> <path>`: what rules about secrets let pass. */
  readonly allowedSecrets: readonly string[];
  /** How long a version can be unpublished. Default 72. */
  readonly unpublishHours: number;
  /** How many packages one identity may publish to within `burstMinutes`; 0: any number. Default 50. */
  readonly burstPackages: number;
  /** Default 10. */
  readonly burstMinutes: number;
  /** How many changes one identity may send a minute; 0: any number. Default 600. */
  readonly perMinute: number;
  /** How long a staged version waits. Default 30. */
  readonly stageDays: number;
  /** Of new packages. Default refuse. */
  readonly upperCaseNames: "refuse" | "allow";
  /** What organisations may have at most; of what no rule says anything, any number. */
  readonly quotas: readonly QuotaRule[];
}

export interface QuotaRule {
  /** Undefined: of every organisation that has no rule of its own. */
  readonly organisation: string | undefined;
  readonly measure: "packages" | "versions" | "sizeBytes";
  readonly most: number;
}
