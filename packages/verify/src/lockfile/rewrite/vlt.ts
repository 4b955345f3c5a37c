import { AssayError } from "@assay/core";
import { locateJson, memberOf, membersOf, textOf, type LocatedMember, type LocatedNode } from "../located.ts";
import { decodeVltPart, encodeVltPart, splitVltId } from "../vlt-id.ts";
import { onlyBase, type Edit, type Move, type Plan } from "./plan.ts";

/**
 * vlt-lock.json names its registry in the options and in the id of every node, and the ids again in the edges. All of
 * them change together. Registries that have a name of their own stay in the ids; the options say where they are.
 * Throws USAGE for `none`: an id always names a registry.
 */
export function vltEdits(text: string, { from: given, to }: Move): Plan {
  const root = locateJson(text);
  const options = memberOf(root, "options");
  const nodes = membersOf(memberOf(root, "nodes"));
  const named = [memberOf(options, "registry"), ...membersOf(memberOf(options, "registries")).map(({ node }) => node)];
  const bases = new Set([
    ...named.flatMap((node) => textOf(node) ?? []).map(withoutSlash),
    ...nodes.flatMap(({ key }) => registryIn(key) ?? []),
  ]);
  const from = given ?? onlyBase([...bases]);
  if (from === undefined) return { edits: [], from, others: new Map() };
  if (to === "none")
    throw new AssayError("USAGE", {
      reason: "vlt's lockfile names a registry in every node; name the new one with --to.",
    });
  const others = [...bases].filter((base) => base !== from).map((base) => [base, 1] as const);
  if (from === to) return { edits: [], from, others: new Map(others) };
  const move: Moving = { from, to };
  const edits = [
    ...named.flatMap((node) => urlEdit(node, move)),
    ...nodes.flatMap((member) => [
      ...keyEdit(member, (key) => movedId(key, move)),
      ...urlEdit(resolvedOf(member), move),
    ]),
    ...membersOf(memberOf(root, "edges")).flatMap((member) => edgeEdits(member, move)),
  ];
  return { edits, from, others: new Map(others) };
}

interface Moving {
  readonly from: string;
  readonly to: string;
}

/** `<from id> <name>`: `<type> <spec> <to id>`; ids hold no spaces. */
function edgeEdits(member: LocatedMember, move: Moving): Edit[] {
  const keys = keyEdit(member, (key) => {
    const space = key.indexOf(" ");
    return movedId(key.slice(0, space), move) + key.slice(space);
  });
  const value = textOf(member.node);
  if (value === undefined) return keys;
  const space = value.lastIndexOf(" ") + 1;
  const changed = value.slice(0, space) + movedId(value.slice(space), move);
  return changed === value
    ? keys
    : [...keys, { start: member.node.start, end: member.node.end, text: JSON.stringify(changed) }];
}

function keyEdit({ key, keyStart, keyEnd }: LocatedMember, change: (key: string) => string): Edit[] {
  const changed = change(key);
  return changed === key ? [] : [{ start: keyStart, end: keyEnd, text: JSON.stringify(changed) }];
}

function resolvedOf({ node }: LocatedMember): LocatedNode | undefined {
  return node.kind === "list" ? node.items[3] : undefined;
}

/** A URL below the old base, in an option or as a tarball of its own. */
function urlEdit(node: LocatedNode | undefined, { from, to }: Moving): Edit[] {
  const url = textOf(node);
  if (node === undefined || url === undefined || !`${url}/`.startsWith(`${from}/`)) return [];
  return [{ start: node.start, end: node.end, text: JSON.stringify(to + url.slice(from.length)) }];
}

function movedId(id: string, { from, to }: Moving): string {
  if (registryIn(id) !== from) return id;
  const [kind = "", first = "", ...rest] = id.split("~");
  const slash = decodeVltPart(first)?.endsWith("/") === true ? "/" : "";
  return [kind, encodeVltPart(to + slash), ...rest].join("~");
}

/** The registry's base URL in a node's id; undefined where it has a name. */
function registryIn(id: string): string | undefined {
  const found = splitVltId(id);
  return found?.kind === "registry" && /^https?:/i.test(found.registry) ? withoutSlash(found.registry) : undefined;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
