import { AssayError, isAssayError } from "@assay/core";
import type { Reader } from "@assay/web";
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  plainFormCookie,
  plainSessionCookie,
  readCookie,
  secureFormCookie,
  secureSessionCookie,
} from "../../http/credentials.ts";
import { formOf, type Form } from "../../http/form.ts";
import { sendPage } from "../../http/send.ts";
import type { Random } from "../../platform/random.ts";
import type { Accounts } from "../people/accounts.ts";
import { derivedSecret, isSameSecret, newSecret } from "./secrets.ts";
import type { Session, SessionPlace, Sessions } from "./sessions.ts";

/** Who looks at a page, as far as the cookies say and the database agrees. */
export interface Visit extends Reader {
  /** What the session cookie holds, when it is one of ours. */
  readonly secret: string | undefined;
  /** Complete, and of an account that is active. */
  readonly session: Session | undefined;
  /** Between the password and the second factor. */
  readonly half: Session | undefined;
  readonly place: SessionPlace;
}

export interface VisitDeps {
  readonly sessions: Sessions;
  readonly accounts: Pick<Accounts, "find">;
  readonly random: Random;
}

const isSecure = (base: string): boolean => base.startsWith("https:");

/** Reads who is there; whoever has no cookie yet gets one that forms are bound to. */
export async function visitOf(
  { sessions, accounts, random }: VisitDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Visit> {
  const { base } = request;
  const { session: secret, address } = request.credentials;
  const found = await sessions.find(secret);
  const account = found === undefined ? undefined : await accounts.find(found.account);
  const alive = account?.state === "active" ? found : undefined;
  const session = alive?.isComplete === true ? alive : undefined;
  const formName = isSecure(base) ? secureFormCookie : plainFormCookie;
  let formSecret = alive === undefined ? readCookie(request.headers.cookie, formName) : secret;
  if (formSecret === undefined) {
    formSecret = newSecret(random);
    setCookie(reply, base, formName, formSecret);
  }
  return {
    base,
    who: session?.account,
    formToken: derivedSecret(formSecret, "form"),
    secret: alive === undefined ? undefined : secret,
    session,
    half: alive?.isComplete === false ? alive : undefined,
    place: { address, agent: request.headers["user-agent"] ?? "" },
  };
}

/** The form, made for this very browser and session. Throws FORBIDDEN for another one's. */
export function ownForm(request: FastifyRequest, visit: Visit): Form {
  const form = formOf(request);
  if (!isSameSecret(form.text("token"), visit.formToken))
    throw new AssayError("FORBIDDEN", { reason: "the form was made for another session; load its page again" });
  return form;
}

/** A browser keeps it until the session ends by itself. Lax: a link from elsewhere opens our pages signed in; only our own pages change anything. */
export function setSession(reply: FastifyReply, base: string, secret: string | undefined): void {
  setCookie(reply, base, isSecure(base) ? secureSessionCookie : plainSessionCookie, secret);
}

function setCookie(reply: FastifyReply, base: string, name: string, value: string | undefined): void {
  const secure = isSecure(base) ? "; Secure" : "";
  const age = value === undefined ? "; Max-Age=0" : "";
  reply.header("set-cookie", `${name}=${value ?? ""}; Path=/; HttpOnly; SameSite=Lax${secure}${age}`);
}

/** One script of our own, for security keys; forms go to us alone. */
const pagePolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** A page with forms: its own requests must say where they come from, so the referrer policy lets them. */
export function sendForms(reply: FastifyReply, html: string): FastifyReply {
  reply.headers({ "content-security-policy": pagePolicy, "referrer-policy": "same-origin" });
  return sendPage(reply, html);
}

/** After a form a browser goes on with GET; never to a place that somebody else wrote: `path` is our own. */
export function goTo(reply: FastifyReply, base: string, path: string): FastifyReply {
  return reply
    .code(303)
    .headers({ location: `${base}${path}`, "cache-control": "no-store" })
    .send();
}

/** To the sign-in page, and back here afterwards. */
export function toSignIn(reply: FastifyReply, base: string, next: string): FastifyReply {
  return goTo(reply, base, `/-/web/sign-in?next=${encodeURIComponent(next)}`);
}

/** To the page that takes a new proof, and back here afterwards. */
export function toConfirm(reply: FastifyReply, base: string, next: string): FastifyReply {
  return goTo(reply, base, `/-/web/confirm?next=${encodeURIComponent(next)}`);
}

const mended = ["UNAUTHORIZED", "BAD_REQUEST", "TOO_MANY_REQUESTS", "CONFLICT"] as const;

/** What a person can mend by another try becomes the sentence for the page; everything else is thrown on. */
export function mendable(error: unknown, codes: readonly string[] = mended): AssayError {
  if (isAssayError(error) && codes.includes(error.code)) return error;
  throw error;
}

/** `show` asks whether the reader may see the page at all: then a refusal is no more than a sentence on it. */
const toldOnPage = [...mended, "FORBIDDEN", "NOT_FOUND", "BAD_NAME", "BAD_VERSION"];

/**
 * Does what a form asks for and goes on to the path that `act` answers. In a browser a proof is given on a page of its
 * own, and so is what other people must agree to; what a person can mend is shown with the form's page.
 */
export async function settle(
  reply: FastifyReply,
  { base }: Visit,
  here: string,
  act: () => Promise<string>,
  show: (reply: FastifyReply, problem: string) => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return goTo(reply, base, await act());
  } catch (error) {
    if (isAssayError(error, "OTP_REQUIRED")) return toConfirm(reply, base, here);
    if (isAssayError(error, "NEEDS_APPROVAL")) return goTo(reply, base, `/-/approvals/${error.details.approval}`);
    const problem = mendable(error, toldOnPage);
    return await show(reply.code(problem.status), problem.message);
  }
}

/** A query parameter that came once. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}
