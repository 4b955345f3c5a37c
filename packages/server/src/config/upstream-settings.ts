import {
  hosts,
  namePatterns,
  oneOf,
  path,
  registryKeys,
  text,
  upstreamAlias,
  upstreamUrl,
  whole,
  type Kind,
} from "./kinds.ts";
import type { UpstreamConfig } from "./config.ts";

/** What an upstream is configured by, below `upstreams.<alias>`. */
export interface UpstreamSetting {
  /** Dotted place below the alias. */
  readonly key: string;
  readonly kind: Kind;
  readonly fallback: unknown;
  readonly doc: string;
  readonly example?: unknown;
  /** The kinds of upstream that it means something for. Default all. */
  readonly of?: readonly UpstreamConfig["kind"][];
  /** It also means something where there is one registry only: below `upstream`, the short form. */
  readonly isShort?: true;
}

const milliseconds = whole(100, 600_000);
const registry = ["registry"] as const;

/** The table of one upstream; below `upstreams.<alias>` in assay.yaml, and in part below `upstream`. */
export const upstreamSettings: readonly UpstreamSetting[] = [
  {
    key: "kind",
    kind: oneOf("registry", "mirror", "auditor"),
    fallback: "registry",
    doc: "registry: owns names; mirror: copies a registry's bytes; auditor: lists only what it examined.",
  },
  {
    key: "url",
    kind: upstreamUrl(),
    fallback: undefined,
    example: "https://registry.example.com",
    isShort: true,
    doc: "Where it answers.",
  },
  {
    key: "of",
    kind: upstreamAlias(),
    fallback: undefined,
    example: "npm",
    of: ["mirror", "auditor"],
    doc: "Alias of the registry that this mirror or auditor belongs to.",
  },
  {
    key: "names",
    kind: namePatterns(),
    fallback: undefined,
    example: ["*"],
    doc: "Names that the registry owns: `vite`, `vite-*`, `@acme/*`, `*`; the most specific pattern decides. Of a mirror or auditor: what it is asked for, by default everything of its registry.",
  },
  {
    key: "operator",
    kind: text("1 to 64 characters", "^[^\\p{Cc}]{1,64}$"),
    fallback: undefined,
    example: "Example Ltd",
    doc: "Who runs it. Sources of one operator count as one. Default: the alias.",
  },
  {
    key: "tarballHosts",
    kind: hosts(),
    fallback: [],
    isShort: true,
    doc: "Other hosts from which it serves tarballs.",
  },
  {
    key: "integrity",
    kind: oneOf("require", "accept-sha1", "compute"),
    fallback: "accept-sha1",
    of: registry,
    isShort: true,
    doc: "What to do with a version that lists no sha512: refuse it, check its sha1, or take what comes.",
  },
  {
    key: "signatures",
    kind: oneOf("require", "prefer", "ignore"),
    fallback: "prefer",
    of: registry,
    isShort: true,
    doc: "Signatures by the registry's keys: refuse a version without one, check what is there, or look away.",
  },
  {
    key: "keys",
    kind: registryKeys(),
    fallback: [],
    of: registry,
    isShort: true,
    doc: "Its signing keys, each as base64 of its SubjectPublicKeyInfo. Default: those that it publishes, and those in Sigstore's signed metadata.",
  },
  {
    key: "keysFile",
    kind: path(),
    fallback: undefined,
    example: "./registry-keys.json",
    of: registry,
    isShort: true,
    doc: "File with its signing keys, in the form in which a registry publishes them (/-/npm/v1/keys).",
  },
  {
    key: "tarballs",
    kind: oneOf("serve", "redirect"),
    fallback: "serve",
    of: ["registry", "mirror"],
    isShort: true,
    doc: "redirect: clients are sent there for tarballs of versions that are bound; some clients do not check what they get.",
  },
  {
    key: "choose",
    kind: oneOf("order", "fastest", "spread"),
    fallback: "order",
    of: registry,
    doc: "Whom to ask first for bytes: as they stand here, who answers fastest, or at random by weight.",
  },
  {
    key: "spread",
    kind: oneOf("package", "request"),
    fallback: "package",
    of: registry,
    doc: "With choose: spread, whether a package has one source or every request draws anew.",
  },
  {
    key: "seed",
    kind: text("up to 64 characters", "^[^\\p{Cc}]{0,64}$"),
    fallback: "",
    of: registry,
    doc: "With choose: spread, another text draws another source for each package.",
  },
  {
    key: "agree",
    kind: whole(1, 16),
    fallback: 1,
    of: registry,
    doc: "How many independent sources must have the same bytes before a version is bound.",
  },
  {
    key: "auditorsNeeded",
    kind: whole(0, 16),
    fallback: undefined,
    example: 1,
    of: registry,
    doc: "How many of its auditors must list a version before it shows. Default: all.",
  },
  {
    key: "delegations",
    kind: oneOf("off", "ask", "follow"),
    fallback: "off",
    of: registry,
    doc: "When a package says, with this registry's signature, that it moved to another registry that is configured here: nothing, ask a person, or follow.",
  },
  {
    key: "weight",
    kind: whole(0, 1000),
    fallback: 1,
    of: ["registry", "mirror"],
    doc: "Its share with choose: spread; 0: only when the others fail.",
  },
  {
    key: "timeouts.connectMs",
    kind: milliseconds,
    fallback: 10_000,
    isShort: true,
    doc: "Longest wait for a connection.",
  },
  {
    key: "timeouts.headersMs",
    kind: milliseconds,
    fallback: 30_000,
    isShort: true,
    doc: "Longest wait for the start of an answer.",
  },
  {
    key: "timeouts.bodyIdleMs",
    kind: milliseconds,
    fallback: 30_000,
    isShort: true,
    doc: "Longest pause within an answer.",
  },
  {
    key: "tls.certFile",
    kind: path(),
    fallback: undefined,
    example: "./client.pem",
    isShort: true,
    doc: "PEM file with the certificate that this server shows there.",
  },
  {
    key: "tls.keyFile",
    kind: path(),
    fallback: undefined,
    example: "./client.key",
    isShort: true,
    doc: "PEM file with its private key, readable by its owner only.",
  },
];

/** `timeouts.connectMs` → `TIMEOUTS_CONNECT_MS`. */
export function variableOf(key: string): string {
  return key
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll(".", "_")
    .toUpperCase();
}
