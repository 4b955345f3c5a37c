import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import { renderPackageSettings } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Form } from "../http/form.ts";
import {
  levelOf,
  ownForm,
  sendForms,
  settle,
  toSignIn,
  visitOf,
  type HostedPackage,
  type PackageSettings,
  type Visit,
} from "../identity/identity.ts";
import type { PublishingRoutesDeps } from "./routes-deps.ts";
import type { Writer } from "./writer.ts";

interface Named {
  readonly Params: { readonly name: string };
}

const path = "/-/web/packages/:name/settings";
/** In one of its spellings: a slash between scope and name. */
const hereOf = (name: PackageName): string => `/-/web/packages/${name}/settings`;

/**
 * `/-/web/packages/<name>/settings`: what who may read a package sees of how it is set, and the forms of who may change
 * it. For others it is not there.
 */
export function addSettingsPage(
  fastify: FastifyInstance,
  deps: PublishingRoutesDeps,
  writerOf: (request: FastifyRequest) => Promise<Writer>,
): void {
  const { identity, random, hosting, names, publishing } = deps;
  const { access, organisations, permissions } = hosting;
  const visits = { ...identity, sessions: identity.signIn.sessions, random };

  // As npm's website has it. Nothing is looked up: it says nothing of what is there.
  fastify.get<Named>("/-/package/:name/settings", (request, reply) =>
    reply.redirect(`${request.base}${hereOf(parsePackageName(request.params.name))}`, 302),
  );

  fastify.get<Named>(path, async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(name));
    return await show(reply, visit, request, name);
  });

  fastify.post<Named>(path, { config: { body: "form" } }, async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const visit = await visitOf(visits, request, reply);
    const form = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(name));
    const act = async (): Promise<string> => {
      await carryOut(request, name, form);
      return hereOf(name);
    };
    return await settle(reply, visit, hereOf(name), act, (again, problem) =>
      show(again, visit, request, name, problem),
    );
  });

  /** Throws BAD_REQUEST, and what the changes throw. */
  async function carryOut(request: FastifyRequest, name: PackageName, form: Form): Promise<void> {
    const person = form.text("person").trim().replace(/^[@~]/, "");
    const team = { organisation: names.organisationOf(name) ?? "", team: form.text("team").trim() };
    switch (form.text("do")) {
      case "configure": {
        const settings = settingsIn(form, names.find(name));
        // What is so already waits for nobody's approval.
        return Object.keys(settings).length === 0 ? undefined : await access.configure(request, name, settings);
      }
      case "add-owner":
        return await access.changeOwner(request, name, "add", person);
      case "remove-owner":
        return await access.changeOwner(request, name, "remove", person);
      case "grant":
        return await access.grant(request, team, name, levelOf(form.text("level")));
      case "set-tag":
        return await publishing.setTag(
          await writerOf(request),
          name,
          form.text("tag").trim(),
          form.text("version").trim(),
        );
      case "delete-tag":
        return await publishing.deleteTag(await writerOf(request), name, form.text("tag"));
      case "deprecate":
      case "undeprecate": {
        const message = form.text("do") === "deprecate" ? form.text("message").trim() : "";
        if (form.text("do") === "deprecate" && message === "")
          throw new AssayError("BAD_REQUEST", { reason: "say in a message what to use instead, and why" });
        return await publishing.deprecate(await writerOf(request), name, {
          range: form.text("range").trim(),
          message: message === "" ? null : message,
        });
      }
      default:
        throw new AssayError("BAD_REQUEST", { reason: "the form does not say what to do" });
    }
  }

  async function show(
    reply: FastifyReply,
    visit: Visit,
    request: FastifyRequest,
    name: PackageName,
    problem?: string,
  ): Promise<FastifyReply> {
    const principal = await access.reader(request, name);
    const organisation = names.organisationOf(name) ?? "";
    const may = async (action: Parameters<typeof permissions.decide>[1]): Promise<boolean> =>
      (await permissions.decide(principal, action, { kind: "package", name })).allowed;
    const owns = await may("own");
    const isMember = (await permissions.decide(principal, "read", { kind: "organisation", name: organisation }))
      .allowed;
    const found = names.find(name);
    const page = {
      ...visit,
      name,
      organisation,
      isMember,
      visibility: found?.visibility ?? "restricted",
      requiresFactor: found?.publishRequiresTfa ?? false,
      automationPasses: found?.automationOverridesTfa ?? true,
      owners: await organisations.owners(name),
      // Who owns it and is outside its organisation is told nothing of its teams.
      teams: isMember ? await organisations.teams(organisation) : [],
      grants: isMember ? await organisations.grants(name) : [],
      ...(await publishing.listing(name)),
      may: {
        configure: await may("configure"),
        own: owns,
        tag: await may("tag"),
        deprecate: await may("deprecate"),
        trust: await may("trust"),
      },
      problem,
    };
    return sendForms(reply, renderPackageSettings(page));
  }
}

/** What the form says otherwise than it is: only that is confirmed, and approved. Throws BAD_REQUEST. */
function settingsIn(form: Form, now: HostedPackage | undefined): PackageSettings {
  const visibility = form.text("visibility");
  if (visibility !== "public" && visibility !== "restricted")
    throw new AssayError("BAD_REQUEST", { reason: "a package is public or restricted" });
  const publishRequiresTfa = form.has("requires");
  const automationOverridesTfa = form.has("automation");
  return {
    ...(visibility !== now?.visibility && { visibility }),
    ...(publishRequiresTfa !== now?.publishRequiresTfa && { publishRequiresTfa }),
    ...(automationOverridesTfa !== now?.automationOverridesTfa && { automationOverridesTfa }),
  };
}
