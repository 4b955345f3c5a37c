/** A secret that must not be published: which rule saw it. */
export interface SecretRule {
  readonly rule: string;
  /** Completes "the file x holds …". */
  readonly what: string;
}

/** Small on purpose: each rule is exact enough that what it names is nearly always a secret. */
export interface TextRule extends SecretRule {
  readonly pattern: RegExp;
}

export interface FileRule extends SecretRule {
  /** Of the path below the root folder. */
  readonly path: RegExp;
  /** What its text must have; undefined: the file itself must not be there. */
  readonly text: RegExp | undefined;
}

/** Shown in documentation, or no secret at all: few different characters, or a known example. */
export function isPlaceholder(secret: string): boolean {
  return new Set(secret).size < 12 || /example|placeholder|x{6}|0{8}|1234567|abcdefgh/i.test(secret);
}

export const fileRules: readonly FileRule[] = [
  {
    rule: "secrets/npmrc",
    what: "credentials for a registry",
    path: /(?:^|\/)\.(?:npmrc|yarnrc)$/,
    // A reference to a variable is no credential.
    text: /(?:^|[\s:"])(?:_authToken|_auth|_password)["']?\s*[=\s:]\s*["']?(?!\$\{)[^\s"'$]{8}/m,
  },
  {
    rule: "secrets/yarnrc",
    what: "credentials for a registry",
    path: /(?:^|\/)\.yarnrc\.yml$/,
    text: /^[ \t]*(?:npmAuthToken|npmAuthIdent)[ \t]*:[ \t]*["']?(?!\$\{)[^\s"'$]{8}/m,
  },
  {
    rule: "secrets/env-file",
    what: "settings of an environment",
    path: /(?:^|\/)\.env(?:\.(?!(?:example|sample|template|dist|defaults|schema|test)$)[\w-]+)*$/,
    text: /^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*\S/m,
  },
  {
    rule: "secrets/netrc",
    what: "a password for a machine",
    path: /(?:^|\/)[._]netrc$/,
    text: /\bpassword\s+\S/,
  },
];

export const textRules: readonly TextRule[] = [
  {
    rule: "secrets/private-key",
    what: "a private key",
    // A header alone is what programs that read keys have in them.
    pattern:
      /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|[\s"'+,;])+(?:[\w-]+: [^\n]*\n\s*)*[A-Za-z0-9+/=]{40}/,
  },
  { rule: "secrets/assay-token", what: "a token of this registry", pattern: /\bassay_[0-9A-Za-z]{42}\b/ },
  { rule: "secrets/npm-token", what: "an npm token", pattern: /\bnpm_[0-9A-Za-z]{36}\b/ },
  {
    rule: "secrets/github-token",
    what: "a GitHub token",
    pattern: /\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59})\b/,
  },
  { rule: "secrets/gitlab-token", what: "a GitLab token", pattern: /\bglpat-[0-9A-Za-z_-]{20}\b/ },
  { rule: "secrets/aws-key", what: "an AWS access key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { rule: "secrets/slack-token", what: "a Slack token", pattern: /\bxox[abprs]-[0-9]{10,13}-[0-9A-Za-z-]{20,}\b/ },
  { rule: "secrets/stripe-key", what: "a Stripe key", pattern: /\b[rs]k_live_[0-9A-Za-z]{24,}\b/ },
];
