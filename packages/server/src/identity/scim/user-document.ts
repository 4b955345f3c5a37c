/** A `User` (RFC 7643 §4.1) as providers send it, and as it is shown. What we have no use for is passed over. */
import type { Account } from "../people/store.ts";
import { plainPath } from "./filter.ts";
import {
  attributesIn,
  fieldsIn,
  isFields,
  textIn,
  truthIn,
  userSchema,
  type Fields,
  type PatchOperation,
} from "./messages.ts";
import { badValue, ScimRefusal } from "./scim-refusal.ts";
import type { ScimUser } from "./store.ts";

/** What a request says of somebody; what it does not say is undefined. Empty: taken away. */
export interface UserChange {
  readonly userName?: string;
  readonly externalId?: string;
  readonly active?: boolean;
  readonly fullName?: string;
  readonly email?: string;
}

/** Of POST and PUT. Throws `invalidValue` without a user name. */
export function parseUser(body: unknown): UserChange & { readonly userName: string } {
  const change = changeIn(attributesIn(fieldsIn(body), userSchema));
  return { ...change, userName: textIn(change.userName, "userName") };
}

/** Of PATCH. Throws `mutability` for what must stay, and what `parsePatch` does. */
export function parseUserPatch(operations: readonly PatchOperation[]): UserChange {
  let change: UserChange = {};
  for (const { op, path, value } of operations) {
    if (op === "remove") change = { ...change, ...withoutIn(path ?? "") };
    else if (path !== undefined) change = { ...change, ...changeIn(new Map([[plainPath(path, userSchema), value]])) };
    else if (isFields(value)) change = { ...change, ...changeIn(attributesIn(value, userSchema)) };
    else throw new ScimRefusal(400, "Without a path the value must be an object.", "invalidSyntax");
  }
  return change;
}

/** A path that chooses among e-mail addresses, such as `emails[type eq "work"].value`, means the one that we keep. */
const emailPath = /^emails(?:\[[^\]]{1,200}\])?\.value$/;
const fullNames = ["displayname", "name.formatted"];

function changeIn(attributes: ReadonlyMap<string, unknown>): UserChange {
  let change: UserChange = {};
  for (const [name, value] of attributes) {
    if (name === "username") change = { ...change, userName: textIn(value, "userName") };
    else if (name === "externalid") change = { ...change, externalId: textIn(value, "externalId") };
    else if (name === "active") change = { ...change, active: truthIn(value, "active") };
    else if (name === "emails") change = { ...change, email: chosenEmail(value) };
    else if (emailPath.test(name)) change = { ...change, email: emptyOr(value, "emails.value") };
    else if (name === "name" && change.fullName === undefined) change = { ...change, ...nameIn(value) };
    else if (fullNames.includes(name)) change = { ...change, fullName: emptyOr(value, "displayName") };
  }
  return change;
}

function withoutIn(path: string): UserChange {
  const name = plainPath(path, userSchema);
  if (name === "username" || name === "externalid" || name === "active")
    throw new ScimRefusal(400, `${path} cannot be removed.`, "mutability");
  if (name === "emails" || emailPath.test(name)) return { email: "" };
  return fullNames.includes(name) ? { fullName: "" } : {};
}

/** Taken away by null or an empty string. */
function emptyOr(value: unknown, what: string): string {
  return value === null || value === "" ? "" : textIn(value, what);
}

function chosenEmail(value: unknown): string {
  if (value === null) return "";
  const all: readonly Fields[] = Array.isArray(value) ? value.filter(isFields) : [];
  if (!Array.isArray(value) || all.length !== value.length || all.length > 20)
    throw badValue("emails must be a list of at most 20 objects.");
  const chosen = all.find(({ primary }) => primary === true || primary === "true" || primary === "True") ?? all[0];
  return chosen === undefined ? "" : emptyOr(chosen["value"], "emails.value");
}

function nameIn(value: unknown): UserChange {
  if (!isFields(value)) return {};
  const { formatted, givenName, familyName } = value;
  if (typeof formatted === "string" && formatted !== "") return { fullName: textIn(formatted, "name.formatted") };
  const parts = [givenName, familyName].filter((part) => typeof part === "string" && part !== "");
  return parts.length === 0 ? {} : { fullName: textIn(parts.join(" "), "name") };
}

export function userDocument({ user, account }: ScimUser & { readonly account: Account }, base: string): object {
  const { id, external_id: externalId, user_name: userName } = user;
  const { fullName, email, state } = account;
  return {
    schemas: [userSchema],
    id,
    externalId,
    userName,
    ...(fullName !== undefined && { displayName: fullName, name: { formatted: fullName } }),
    ...(email !== undefined && { emails: [{ value: email, type: "work", primary: true }] }),
    active: state === "active",
    meta: {
      resourceType: "User",
      created: new Date(user.created_at_ms).toISOString(),
      lastModified: new Date(user.changed_at_ms).toISOString(),
      location: `${base}/-/scim/v2/Users/${id}`,
    },
  };
}
