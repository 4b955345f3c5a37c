import { AssayError } from "@assay/core";
import { renderTrust, type ShownTrustRule, type TrustForm } from "@assay/web";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "../../config/config.ts";
import { formOf, type Form } from "../../http/form.ts";
import { sendPage } from "../../http/send.ts";
import { ruleFields } from "./rule-fields.ts";
import type { CiRoutesDeps } from "./routes.ts";
import { packageSubject, warningsOf, type ClaimValue, type TrustRule } from "./rules.ts";
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
  { identity: { ci }, issuers }: CiRoutesDeps,
  callerOf: (request: FastifyRequest) => Promise<Caller>,
): void {
  const url = "/-/web/packages/:name/trust";

  fastify.get<{ Params: { name: string } }>(url, async (request, reply) => {
    const caller = await callerOf(request);
    const subject = packageSubject(request.params.name);
    const rules = await ci.trust.list(caller, subject);
    const isExclusive = await ci.trust.isExclusive(caller, subject);
    const forms = issuers.map(formFor);
    const page = { base: request.base, name: subject.name, rules: rules.map(show), issuers: forms, isExclusive };
    return sendPage(reply, renderTrust(page));
  });

  fastify.post<{ Params: { name: string } }>(url, { config: { body: "form" } }, async (request, reply) => {
    const caller = await callerOf(request);
    const subject = packageSubject(request.params.name);
    const form = formOf(request);
    switch (form.text("do")) {
      case "add":
        await ci.trust.add(caller, subject, [readRule(issuers, form)]);
        break;
      case "remove":
        await ci.trust.remove(caller, subject, form.text("id"));
        break;
      case "exclude":
      case "share":
        await ci.trust.setExclusive(caller, subject, form.text("do") === "exclude");
        break;
      default:
        throw new AssayError("BAD_REQUEST", { reason: "the form does not say what to do" });
    }
    const name = subject.name.replace("/", "%2F");
    return await reply.redirect(`${request.base}/-/web/packages/${name}/trust`, 303);
  });
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

function show(rule: TrustRule): ShownTrustRule {
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
