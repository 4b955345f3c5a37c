import type { CiIssuerConfig } from "../../config/config.ts";

/** What a trust rule may ask of one claim. */
export interface RuleField {
  readonly claim: string;
  readonly isRequired: boolean;
  /**
   * `text`: exactly this. `pattern`: this, or what begins so when it ends in `*`. `file`: `{file}` for the file's name,
   * or a text for the whole claim. `all`: a list, every member of which the token must have.
   */
  readonly form: "text" | "pattern" | "file" | "all";
  readonly syntax: RegExp;
  /** For people: what a value looks like. */
  readonly example: string;
}

const reference = /^[!-~]{1,255}$/;
const word = /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]{0,253}[^\p{C}\p{Z}])?$/u;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const workflow = /^[^\p{C}/\\]{1,200}\.ya?ml$/u;

type Form = RuleField["form"];

function field(claim: string, form: Form, syntax: RegExp, example: string): RuleField {
  return { claim, form, syntax, example, isRequired: false };
}

function required(claim: string, form: Form, syntax: RegExp, example: string): RuleField {
  return { claim, form, syntax, example, isRequired: true };
}

function circle(key: string): string {
  return `oidc.circleci.com/${key}`;
}

/** What rules may ask for, by the kind of issuer, in the words of its tokens. */
export const ruleFields: { readonly [Kind in CiIssuerConfig["kind"]]: readonly RuleField[] } = {
  github: [
    required("repository", "text", /^[\w.-]{1,100}\/[\w.-]{1,100}$/, "acme/widgets"),
    field("workflow_ref", "file", workflow, "publish.yml"),
    field("environment", "text", word, "production"),
    field("ref", "pattern", reference, "refs/heads/main"),
    field("event_name", "text", /^[a-z_]{1,50}$/, "release"),
    field("runner_environment", "text", /^(github|self)-hosted$/, "github-hosted"),
  ],
  gitlab: [
    required("project_path", "text", /^[\w.-]{1,255}(\/[\w.-]{1,255}){1,20}$/, "acme/widgets"),
    field("ci_config_ref_uri", "file", /^[^\p{C}\\]{1,255}$/u, ".gitlab-ci.yml"),
    field("environment", "text", word, "production"),
    field("ref", "pattern", reference, "main"),
    field("ref_path", "pattern", reference, "refs/tags/v*"),
    field("ref_type", "text", /^(branch|tag)$/, "tag"),
    field("ref_protected", "text", /^true$/, "true"),
  ],
  circleci: [
    required(circle("org-id"), "text", uuid, "94b40e60-cfd5-486f-a04b-507abf27a83d"),
    required(circle("project-id"), "text", uuid, "ff4d0d0d-5033-48c5-81e6-7c14a4715837"),
    required(circle("pipeline-definition-id"), "text", uuid, "c959a6e7-5b83-4bc1-b46f-37bf13513490"),
    required(circle("vcs-origin"), "text", /^[!-~]{1,255}$/, "github.com/acme/widgets"),
    field(circle("vcs-ref"), "pattern", reference, "refs/heads/main"),
    field(circle("context-ids"), "all", uuid, "a1b2c3d4-e5f6-7890-abcd-ef1234567890"),
  ],
  generic: [
    required("repository", "text", word, "acme/widgets"),
    field("workflow", "file", word, "publish"),
    field("environment", "text", word, "production"),
    field("ref", "pattern", reference, "refs/heads/main"),
  ],
};

/** Claims that fix what runs: without one of them any pipeline of the repository may publish. */
export const workflowClaims: readonly string[] = [
  "workflow_ref",
  "ci_config_ref_uri",
  "workflow",
  circle("pipeline-definition-id"),
];

/** Claims that fix from where: without any of them every branch may publish. */
export const placeClaims: readonly string[] = [
  "ref",
  "ref_path",
  "ref_protected",
  "environment",
  circle("vcs-ref"),
  circle("context-ids"),
];
