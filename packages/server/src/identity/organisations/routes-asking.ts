/** What every route of the room does first: who asks, may they, did they just confirm it; and what their body says. */
import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { FastifyRequest } from "fastify";
import type { Identity } from "../identity.ts";
import type { Action, Resource } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import { manageNeed } from "../sign-in/need.ts";
import type { Gate } from "../approvals/gate.ts";
import { doerOf, type Doer } from "../doer.ts";
import { accessOperation, carryOutAccess, type AccessChange } from "./access-changes.ts";
import type { Organisations, TeamRow } from "./organisations.ts";

export interface AskingDeps {
  readonly identity: Pick<Identity, "authenticate" | "names" | "permissions"> & {
    readonly signIn: Pick<Identity["signIn"], "stepUps">;
  };
  readonly organisations: Organisations;
  readonly gate: Gate;
}

export interface Named {
  readonly Params: { readonly org: string; readonly team: string; readonly name: string; readonly user: string };
}
export type Asked = FastifyRequest<Named>;
/** What is sent, by a client or with a form. */
export type Sent = Pick<FastifyRequest, "credentials" | "base" | "method" | "url" | "body">;

/** Largest body of a change. */
export const bodyLimit = 64 * 1024;

export interface Asking {
  /** Nothing is looked up before it is known that the sender may. */
  may(request: Sent, action: Action, resource: Resource): Promise<Permitted>;
  /** Throws UNAUTHORIZED for who shows nothing. */
  known(request: Sent): Promise<Principal>;
  /** What is hidden, what is not there and what is an upstream's are answered alike: none of them is here to be changed. */
  mayWith(request: Sent, action: Action, name: PackageName): Promise<Permitted>;
  /** The same for the package in the path. */
  ofPackage(request: Asked, action: Action): Promise<{ readonly principal: Permitted; readonly name: PackageName }>;
  /**
   * Returns when no second factor is needed for this very request, or one was just given; asked when the permission is
   * certain. `what` says it to the person, `name` is the package that is changed and may require a factor by itself.
   */
  confirm(request: Sent, principal: Principal, what: string, name?: PackageName): Promise<void>;
  /** Changes who may do what, or has the change wait for those who must approve it. Asked when it is confirmed. */
  change(request: Sent, principal: Permitted, wanted: AccessChange): Promise<void>;
}

/** Who may, and by which policy. */
export type Permitted = Principal & { readonly by: Doer };

export function createAsking({ identity, organisations, gate }: AskingDeps): Asking {
  const { names, permissions } = identity;

  async function may(request: Sent, action: Action, resource: Resource): Promise<Permitted> {
    const principal = await identity.authenticate(request.credentials);
    const policy = await permissions.require(principal, action, resource);
    return { ...principal, by: doerOf(principal, action, policy) };
  }

  async function mayWith(request: Sent, action: Action, name: PackageName): Promise<Permitted> {
    const principal = await identity.authenticate(request.credentials);
    const missing = new AssayError("NOT_FOUND", { what: `The package ${name}` });
    if (principal.kind !== "anonymous" && names.organisationOf(name) === undefined) throw missing;
    const policy = await permissions.require(principal, action, { kind: "package", name });
    if (names.find(name) === undefined) throw missing;
    return { ...principal, by: doerOf(principal, action, policy) };
  }

  return {
    may,
    mayWith,
    async known(request) {
      const principal = await identity.authenticate(request.credentials);
      if (principal.kind === "anonymous")
        throw new AssayError("UNAUTHORIZED", { reason: "this needs an account; sign in or send a token" });
      return principal;
    },
    async ofPackage(request, action) {
      const name = parsePackageName(request.params.name);
      return { principal: await mayWith(request, action, name), name };
    },
    async confirm(request, principal, what, name) {
      const { base, credentials } = request;
      await identity.signIn.stepUps.require(
        principal,
        { base, credentials },
        {
          what,
          // Of a form the sentence says it: its body has no JSON.
          exactly: `${request.method} ${request.url} ${what} ${JSON.stringify(request.body ?? null)}`,
          need: manageNeed(name === undefined ? undefined : names.find(name)),
        },
      );
    },
    async change({ base }, principal, wanted) {
      await gate.pass({ principal, base }, accessOperation({ organisations, names }, principal.by, wanted));
      await carryOutAccess(organisations, principal.by, wanted);
    },
  };
}

export function organisationIn({ params }: Asked): Resource {
  return { kind: "organisation", name: params.org };
}

export function teamIn({ params }: Asked): TeamRow {
  return { organisation: params.org, team: params.team };
}

/** Undefined when the body has none. */
export function memberIn(request: Asked, field: string): unknown {
  const body: unknown = request.body;
  return typeof body === "object" && body !== null && Object.hasOwn(body, field)
    ? (body as Readonly<Record<string, unknown>>)[field]
    : undefined;
}

export function textIn(request: Asked, field: string, fallback?: string): string {
  const value = memberIn(request, field) ?? fallback;
  // npm's commands take names with and without the sign.
  if (typeof value === "string" && value.length <= 512) return field === "package" ? value : value.replace(/^[@~]/, "");
  throw new AssayError("BAD_REQUEST", { reason: `the body must have ${field}` });
}

export function wordIn(request: Asked, field: string, words: readonly string[], fallback?: string): string {
  const value = textIn(request, field, fallback);
  if (words.includes(value)) return value;
  throw new AssayError("BAD_REQUEST", { reason: `${field} must be ${words.join(" or ")}` });
}
