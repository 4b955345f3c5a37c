import { AssayError, decodeUtf8 } from "@assay/core";
import type { FastifyRequest } from "fastify";

/** The fields of a form that was sent by a page of our own. Only the body parser makes one. */
export class Form {
  readonly #fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields;
  }

  /** Empty when the field was not sent. */
  text(name: string): string {
    return this.#fields.get(name) ?? "";
  }

  /** A box that was ticked, a button that was pressed. */
  has(name: string): boolean {
    return this.#fields.has(name);
  }
}

/** Enough for every form of ours. */
export const longestFormBytes = 64 * 1024;
const mostFields = 64;

/** Exactly these characters, in any case. */
export const formType = /^application\/x-www-form-urlencoded(?: ?; ?charset=(?:utf-8|"utf-8"))?$/i;

/**
 * Reads `application/x-www-form-urlencoded`, one value a name. Throws BAD_REQUEST for a name that comes twice or is no
 * name of ours, for escapes that are not UTF-8, and for control characters other than those of lines.
 */
export function parseForm(bytes: Uint8Array): Form {
  const fields = new Map<string, string>();
  const text = decode(bytes);
  const pairs = text === "" ? [] : text.split("&");
  if (pairs.length > mostFields) throw bad(`a form has at most ${mostFields} fields`);
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at === -1) throw bad("a field of the form has no value");
    const name = pair.slice(0, at);
    if (!/^[a-z][A-Za-z0-9-]{0,39}$/.test(name)) throw bad("the form has a field that no form of ours has");
    if (fields.has(name)) throw bad(`the form has ${name} twice`);
    fields.set(name, unescape(pair.slice(at + 1)));
  }
  return new Form(fields);
}

/** The form that a route with `config: { body: "form" }` was sent. Throws BAD_REQUEST when there is none. */
export function formOf(request: Pick<FastifyRequest, "body">): Form {
  if (request.body instanceof Form) return request.body;
  throw bad("it has no form");
}

function unescape(text: string): string {
  if (!/^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(text)) throw bad("the form has an escape that is none");
  let value: string;
  try {
    value = decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw bad("the form is not UTF-8", cause);
  }
  // Browsers send the end of a line as CR LF.
  const lines = value.replaceAll("\r\n", "\n");
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(lines)) throw bad("the form has control characters");
  return lines;
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw bad("the form is not UTF-8", cause);
  }
}

function bad(reason: string, cause?: unknown): AssayError {
  return new AssayError("BAD_REQUEST", { reason }, cause === undefined ? {} : { cause });
}
