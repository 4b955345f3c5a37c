/** A `Group` (RFC 7643 §4.2) as providers send it, and as it is shown. */
import { plainPath } from "./filter.ts";
import { attributesIn, fieldsIn, groupSchema, isFields, textIn, type Fields, type PatchOperation } from "./messages.ts";
import { badValue, ScimRefusal } from "./scim-refusal.ts";
import type { ScimUserRow } from "./store.ts";
import type { ScimGroupRow } from "./store-groups.ts";

/** One step of what happens to who is in a group; ids of users. */
export interface MemberStep {
  readonly do: "set" | "add" | "remove";
  readonly ids: readonly string[];
}

export interface GroupChange {
  readonly displayName?: string;
  readonly externalId?: string;
  /** In this order. */
  readonly members: readonly MemberStep[];
}

/** Of POST and PUT: who is not named is not in it. Throws `invalidValue` without a name. */
export function parseGroup(body: unknown): GroupChange & { readonly displayName: string } {
  const attributes = attributesIn(fieldsIn(body), groupSchema);
  const change = changeIn("set", attributes);
  const members = change.members.length > 0 ? change.members : [{ do: "set", ids: [] } as const];
  return { ...change, displayName: textIn(change.displayName, "displayName"), members };
}

/** Of PATCH. Throws `invalidFilter`, `invalidPath`, `mutability`, and what `parsePatch` does. */
export function parseGroupPatch(operations: readonly PatchOperation[]): GroupChange {
  let change: GroupChange = { members: [] };
  for (const { op, path, value } of operations) {
    const step = op === "remove" ? removedIn(path ?? "", value) : changedIn(op === "add" ? "add" : "set", path, value);
    change = { ...change, ...step, members: [...change.members, ...step.members] };
  }
  return change;
}

function changedIn(members: "add" | "set", path: string | undefined, value: unknown): GroupChange {
  if (path === undefined) {
    if (isFields(value)) return changeIn(members, attributesIn(value, groupSchema));
    throw new ScimRefusal(400, "Without a path the value must be an object.", "invalidSyntax");
  }
  const name = plainPath(path, groupSchema);
  if (!["displayname", "externalid", "members"].includes(name))
    throw new ScimRefusal(400, "A path here is displayName, externalId or members.", "invalidPath");
  return changeIn(members, new Map([[name, value]]));
}

/** `members[value eq "…"]`, or all, or those in the value, as Entra ID sends it. */
function removedIn(path: string, value: unknown): GroupChange {
  // The id in it keeps its case.
  const [, id] = /^(?:urn:[\w:.]{1,100}:)?members\[\s*value\s+eq\s+"([\w-]{1,100})"\s*\]$/i.exec(path) ?? [];
  if (id !== undefined) return { members: [{ do: "remove", ids: [id] }] };
  const name = plainPath(path, groupSchema);
  if (name === "displayname" || name === "externalid")
    throw new ScimRefusal(400, `${path} cannot be removed.`, "mutability");
  if (name.startsWith("members["))
    throw new ScimRefusal(400, 'Members are chosen by members[value eq "<id>"].', "invalidFilter");
  if (name !== "members") throw new ScimRefusal(400, "What is removed here is members.", "invalidPath");
  const isAll = value === undefined || value === null;
  return { members: [isAll ? { do: "set", ids: [] } : { do: "remove", ids: idsIn(value) }] };
}

function changeIn(members: "add" | "set", attributes: ReadonlyMap<string, unknown>): GroupChange {
  const [name, externalId, value] = ["displayname", "externalid", "members"].map((each) => attributes.get(each));
  return {
    ...(name !== undefined && { displayName: textIn(name, "displayName") }),
    ...(externalId !== undefined && externalId !== null && { externalId: textIn(externalId, "externalId") }),
    members: value === undefined || value === null ? [] : [{ do: members, ids: idsIn(value) }],
  };
}

function idsIn(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((each) => {
    const id = isFields(each) ? each["value"] : undefined;
    if (typeof id !== "string" || !/^[\w-]{1,100}$/.test(id))
      throw badValue("members are objects with a user's id as value.");
    return id;
  });
}

/** `members` undefined: they were not asked for. */
export function groupDocument(
  { group, members }: { readonly group: ScimGroupRow; readonly members: readonly ScimUserRow[] | undefined },
  base: string,
): Fields {
  const { id, external_id: externalId, display_name: displayName } = group;
  return {
    schemas: [groupSchema],
    id,
    ...(externalId !== null && { externalId }),
    displayName,
    ...(members !== undefined && {
      members: members.map((user) => ({
        value: user.id,
        display: user.user_name,
        $ref: `${base}/-/scim/v2/Users/${user.id}`,
      })),
    }),
    meta: {
      resourceType: "Group",
      created: new Date(group.created_at_ms).toISOString(),
      lastModified: new Date(group.changed_at_ms).toISOString(),
      location: `${base}/-/scim/v2/Groups/${id}`,
    },
  };
}
