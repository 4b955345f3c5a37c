import { AssayError } from "@assay/core";
import { renderTrust, type ShownTrustRule, type TrustForm } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../../config/config.ts";
import type { Form } from "../../http/form.ts";
import { ownForm, sendForms, settle, toSignIn, visitOf, type Visit } from "../sign-in/routes-visit.ts";
import type { Ci } from "./ci.ts";
import { ruleFields } from "./rule-fields.ts";
import type { CiRoutesDeps } from "./routes.ts";
import { packageSubject, warningsOf, type ClaimValue, type TrustRule, type TrustSubject } from "./rules.ts";
import type { Caller } from "./trust.ts";

type Issuer = Config["trust"]["issuers"][number];

const titles: { readonly [Kind in Issuer["kind"]]: string } = {
  github: "GitHub Actions",
  gitlab: "GitLab CI/CD",
  circleci: "CircleCI",
  generic: "Another CI",
};

/** `/-/web/packages/<name>/trust`: who publishes a package from CI, and the forms that change it. */
export function addTrustPages(
  fastify: FastifyInstance,
  { identity: { ci, signIn, accounts }, issuers, random }: CiRoutesDeps,
  callerOf: (request: FastifyRequest) => Promise<Caller>,
): void {
  const url = "/-/web/packages/:name/trust";
  const visits = { sessions: signIn.sessions, accounts, random };

  fastify.get<{ Params: { name: string } }>(url, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    const caller = await callerOf(request);
    const subject = packageSubject(request.params.name);
    if (caller.principal.kind === "anonymous") return toSignIn(reply, visit.base, pagePath(subject));
    return await show(reply, visit, caller, subject);
  });

  fastify.post<{ Params: { name: string } }>(url, { config: { body: "form" } }, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    const form = ownForm(request, visit);
    const subject = packageSubject(request.params.name);
    if (visit.session === undefined) return toSignIn(reply, visit.base, pagePath(subject));
    const caller = await callerOf(request);
    const act = async (): Promise<string> => {
      await change(ci, issuers, caller, subject, form);
      return pagePath(subject);
    };
    return await settle(reply, visit, pagePath(subject), act, (again, problem) =>
      show(again, visit, caller, subject, problem),
    );
  });

  async function show(
    reply: FastifyReply,
    visit: Visit,
    caller: Caller,
    subject: TrustSubject,
    problem?: string,
  ): Promise<FastifyReply> {
    const rules = await ci.trust.list(caller, subject);
    const isExclusive = await ci.trust.isExclusive(caller, subject);
    const page = { name: subject.name, rules: rules.map(shown), issuers: issuers.map(formFor), isExclusive, problem };
    return sendForms(reply, renderTrust({ ...visit, ...page }));
  }
}

function change(
  { trust }: Ci,
  issuers: readonly Issuer[],
  caller: Caller,
  subject: TrustSubject,
  form: Form,
): Promise<unknown> {
  const wanted = form.text("do");
  switch (wanted) {
    case "add":
      return trust.add(caller, subject, [readRule(issuers, form)]);
    case "remove":
      return trust.remove(caller, subject, form.text("id"));
    case "exclude":
    case "share":
      return trust.setExclusive(caller, subject, wanted === "exclude");
    default:
      throw new AssayError("BAD_REQUEST", { reason: "the form does not say what to do" });
  }
}

/** In one of its spellings: a slash between scope and name. */
function pagePath({ name }: TrustSubject): string {
  return `/-/web/packages/${name}/trust`;
}

/** What `npm trust` would post. */
function readRule(issuers: readonly Issuer[], form: Form): unknown {
  const issuer = issuers.find(({ name }) => name === form.text("issuer"));
  if (issuer === undefined) throw new AssayError("BAD_REQUEST", { reason: "no such CI service is known here" });
  const claims: Record<string, ClaimValue> = {};
  for (const [at, { claim, form: kind }] of ruleFields[issuer.kind].entries()) {
    const text = form.text(`claim-${at}`).trim();
    if (text === "") continue;
    claims[claim] = kind === "file" ? { file: text } : kind === "all" ? text.split(/[\s,]+/) : text;
  }
  const permissions = [
    ...(form.has("publish") ? ["createPackage"] : []),
    ...(form.has("stage") ? ["createStagedPackage"] : []),
  ];
  return { type: issuer.kind, issuer: issuer.name, claims, permissions };
}

function formFor({ name, kind }: Issuer): TrustForm {
  const title = name === kind ? titles[kind] : `${titles[kind]} (${name})`;
  return { issuer: name, title, fields: ruleFields[kind] };
}

function shown(rule: TrustRule): ShownTrustRule {
  return {
    ...rule,
    claims: Object.entries(rule.claims).map(([claim, value]) => [claim, inWords(value)]),
    pins: Object.entries(rule.pins ?? {}),
    warnings: warningsOf(rule),
  };
}

function inWords(value: ClaimValue): string {
  if (typeof value === "string") return value;
  return "file" in value ? value.file : value.join(", ");
}
