import type { CiIssuerConfig } from "../../config/config.ts";
import { said } from "./id-token.ts";
import { issuerUrl } from "./issuers.ts";

/** Who runs, as a verified token says it. */
export interface CiIdentity {
  /** `github:acme/widgets`. */
  readonly name: string;
  /** What rules may ask for, by the token's own words; only what the token has. */
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
  /** The file that says what runs, by the claim that names it: rules ask for it with `{file}`. */
  readonly files: Readonly<Record<string, string>>;
  /** Numbers that no second owner of the same name can have. Empty where names cannot be had a second time. */
  readonly pins: Readonly<Record<string, string>>;
  /** The commit that is built; undefined: not said. */
  readonly commit: string | undefined;
}

type Payload = Readonly<Record<string, unknown>>;

/** Reads who runs from the claims of a verified token, or says what is missing, as the rest of a sentence about it. */
export function readCiIdentity(
  issuer: CiIssuerConfig,
  url: string,
  payload: Payload,
): CiIdentity | { readonly problem: string } {
  switch (issuer.kind) {
    case "github":
      return readGithub(issuer, payload);
    case "gitlab":
      return readGitlab(issuer, url, payload);
    case "circleci":
      return readCircle(issuer, url, payload);
    case "generic":
      return readGeneric(issuer, payload);
  }
}

function readGithub({ name }: CiIssuerConfig, payload: Payload): CiIdentity | { readonly problem: string } {
  const claims = texts(payload, [
    "repository",
    "workflow_ref",
    "ref",
    "environment",
    "event_name",
    "runner_environment",
  ]);
  const pins = texts(payload, ["repository_id", "repository_owner_id"]);
  const { repository } = claims;
  if (repository === undefined) return { problem: "it has no claim repository" };
  if (!hasAll(pins, ["repository_id", "repository_owner_id"]))
    return { problem: "it lacks the claims repository_id and repository_owner_id" };
  // A file name holds no slash, so the first `@refs/` ends it, whatever the branch is called.
  const start = `${repository}/.github/workflows/`;
  const reference = claims["workflow_ref"] ?? "";
  const end = reference.indexOf("@refs/");
  const file = reference.startsWith(start) && end > start.length ? reference.slice(start.length, end) : undefined;
  return {
    name: `${name}:${repository}`,
    claims,
    files: file === undefined ? {} : { workflow_ref: file },
    pins,
    commit: textOf(payload["sha"]),
  };
}

function readGitlab(
  { name }: CiIssuerConfig,
  url: string,
  payload: Payload,
): CiIdentity | { readonly problem: string } {
  const claims = texts(payload, [
    "project_path",
    "ci_config_ref_uri",
    "ref",
    "ref_type",
    "ref_path",
    "ref_protected",
    "environment",
  ]);
  const pins = texts(payload, ["project_id", "namespace_id"]);
  const { project_path: project } = claims;
  if (project === undefined) return { problem: "it has no claim project_path" };
  if (!hasAll(pins, ["project_id", "namespace_id"]))
    return { problem: "it lacks the claims project_id and namespace_id" };
  const start = `${new URL(url).host}${new URL(url).pathname.replace(/\/$/, "")}/${project}//`;
  const end = `@${referenceOf(claims) ?? "\0"}`;
  const uri = claims["ci_config_ref_uri"] ?? "";
  const isWhole = uri.startsWith(start) && uri.endsWith(end) && uri.length > start.length + end.length;
  return {
    name: `${name}:${project}`,
    claims,
    files: isWhole ? { ci_config_ref_uri: uri.slice(start.length, -end.length) } : {},
    pins,
    commit: textOf(payload["sha"]),
  };
}

/** The full reference: older servers say it in two parts. */
function referenceOf(claims: Readonly<Record<string, string>>): string | undefined {
  const { ref_path: path, ref_type: type, ref } = claims;
  if (path !== undefined) return path;
  if (ref === undefined) return undefined;
  return type === "branch" ? `refs/heads/${ref}` : type === "tag" ? `refs/tags/${ref}` : undefined;
}

function readCircle(issuer: CiIssuerConfig, url: string, payload: Payload): CiIdentity | { readonly problem: string } {
  const at = (key: string): string => `oidc.circleci.com/${key}`;
  const found = texts(payload, ["org-id", "project-id", "pipeline-definition-id", "vcs-origin", "vcs-ref"].map(at));
  const organisation = found[at("org-id")];
  const project = found[at("project-id")];
  if (organisation === undefined || project === undefined)
    return { problem: `it lacks the claims ${at("org-id")} and ${at("project-id")}` };
  if (url !== issuerUrl(issuer, organisation))
    return { problem: `its ${at("org-id")} is ${said(organisation)}, which is not the organisation of its issuer` };
  const contexts = payload[at("context-ids")];
  const isList = Array.isArray(contexts) && contexts.every((one) => typeof one === "string");
  const claims = isList ? { ...found, [at("context-ids")]: contexts as readonly string[] } : found;
  return {
    name: `${issuer.name}:${found[at("vcs-origin")] ?? project}`,
    claims,
    files: {},
    pins: {},
    commit: undefined,
  };
}

/** Claims by the words that the configuration has for them. */
function readGeneric(
  { name, claims: words }: CiIssuerConfig,
  payload: Payload,
): CiIdentity | { readonly problem: string } {
  const found: Record<string, string> = {};
  const pins: Record<string, string> = {};
  for (const [ours, theirs] of Object.entries(words)) {
    const value = textOf(payload[theirs]);
    const isPin = ours === "repository_id" || ours === "repository_owner_id";
    if (value !== undefined) (isPin ? pins : found)[ours] = value;
    else if (isPin || ours === "repository") return { problem: `it has no claim ${theirs}` };
  }
  const { repository } = found;
  if (repository === undefined) return { problem: "its issuer is configured without a claim for the repository" };
  const files = found["workflow"] === undefined ? {} : { workflow: found["workflow"] };
  return { name: `${name}:${repository}`, claims: found, files, pins, commit: undefined };
}

function texts(payload: Payload, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = textOf(payload[name]);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function textOf(value: unknown): string | undefined {
  if (Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" && value !== "" && value.length <= 1024 ? value : undefined;
}

function hasAll(found: Readonly<Record<string, string>>, names: readonly string[]): boolean {
  return names.every((name) => found[name] !== undefined);
}
