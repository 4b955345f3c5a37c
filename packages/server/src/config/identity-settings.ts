import { approvalRules, oneOf, path, text, whole } from "./kinds.ts";
import type { Setting } from "./settings.ts";

/** Below `identity.`: people and tokens. */
export const identitySettings: readonly Setting[] = [
  {
    key: "identity.registration",
    env: "ASSAY_REGISTRATION",
    kind: oneOf("open", "loopback", "invite", "closed"),
    fallback: "loopback",
    doc: "Who may make an account: open, anybody who reaches this server; loopback, anybody while it listens on loopback only, else as invite; invite, who was sent a link; closed, nobody: an administrator makes them.",
  },
  {
    key: "identity.passwordWrites",
    env: "ASSAY_PASSWORD_WRITES",
    kind: oneOf("never", "allowed"),
    fallback: "never",
    doc: "Whether a password that a client sends with every request (npm's _auth) may publish and change things. Never: it reads.",
  },
  {
    key: "identity.organisations",
    env: "ASSAY_ORGANISATIONS",
    kind: oneOf("people", "loopback", "admins"),
    fallback: "loopback",
    doc: "Who makes organisations, and has an own one when they first publish below @<their name>/: people, everybody; loopback, people while this server listens on loopback only, else as admins; admins, administrators of the registry.",
  },
  {
    key: "identity.loginDays",
    env: "ASSAY_LOGIN_DAYS",
    kind: whole(1, 3650),
    fallback: 30,
    doc: "How long a client that signed in stays signed in, in days.",
  },
  {
    key: "identity.maxTokenDays",
    env: "ASSAY_MAX_TOKEN_DAYS",
    kind: whole(1, 3650),
    fallback: 90,
    doc: "The longest that a token which people make is good, in days.",
  },
  {
    key: "identity.provider.issuer",
    env: "ASSAY_PROVIDER_ISSUER",
    kind: text("an https URL, or an http one of this machine", "^https?://[^\\s?#]{1,500}$"),
    fallback: undefined,
    example: "https://login.example.com",
    doc: "OpenID Connect provider that people sign in through; needs identity.provider.clientId, and ASSAY_PROVIDER_CLIENT_SECRET. See docs/operations/sign-in.md.",
  },
  {
    key: "identity.provider.clientId",
    env: "ASSAY_PROVIDER_CLIENT_ID",
    kind: text("the client id that the provider gave", "^[!-~]{1,200}$"),
    fallback: undefined,
    example: "assay",
    doc: "As which this registry is known at the provider; its redirect URL there is <public URL>/-/web/provider/callback.",
  },
  {
    key: "identity.provider.scopes",
    env: "ASSAY_PROVIDER_SCOPES",
    kind: text("scopes with blanks between", "^[!-~]+(?: [!-~]+)*$"),
    fallback: "openid profile email offline_access",
    doc: "What the provider is asked for. It must give a refresh token: by it we ask whether somebody is still there.",
  },
  {
    key: "identity.provider.recheckMinutes",
    env: "ASSAY_PROVIDER_RECHECK_MINUTES",
    kind: whole(1, 1440),
    fallback: 5,
    doc: "How often the provider is asked whether somebody is still there; who is not loses sessions and tokens.",
  },
  {
    key: "identity.read",
    env: "ASSAY_READ",
    kind: oneOf("anyone", "signed-in"),
    fallback: "anyone",
    doc: "Who reads what is public: anyone, or only people and machines that have signed in.",
  },
  {
    key: "identity.policies",
    env: "ASSAY_POLICIES",
    kind: path(),
    fallback: "./policies",
    doc: "Folder with policies of your own, *.cedar, besides the built-in ones; see docs/operations/policies.md. It may be missing.",
  },
  {
    key: "identity.approvals",
    env: "ASSAY_APPROVALS",
    kind: approvalRules(),
    fallback: [],
    example: ["unpublish needs 2", "publish in acme needs 1 by olga acme:release"],
    doc: "Operations that people must approve before they are carried out: publish, tag, unpublish, owner, policy, trust, upstream, key.",
  },
];
