/** A value of a JSON or YAML text, and where it stands: offsets in UTF-16 code units, `end` exclusive. */
export type LocatedNode = LocatedScalar | LocatedList | LocatedMap;

export interface LocatedScalar {
  readonly kind: "scalar";
  /** Of a string what it says, of anything else its text. */
  readonly value: string;
  /** With its quotes. */
  readonly start: number;
  readonly end: number;
}

export interface LocatedList {
  readonly kind: "list";
  readonly items: readonly LocatedNode[];
  readonly start: number;
  readonly end: number;
}

export interface LocatedMap {
  readonly kind: "map";
  readonly members: readonly LocatedMember[];
  readonly start: number;
  readonly end: number;
}

export interface LocatedMember {
  readonly key: string;
  readonly keyStart: number;
  /** Of the key, with its quotes. */
  readonly keyEnd: number;
  readonly node: LocatedNode;
}

/** The member of a map; undefined where there is none, or no map. */
export function memberOf(node: LocatedNode | undefined, key: string): LocatedNode | undefined {
  return node?.kind === "map" ? node.members.find((member) => member.key === key)?.node : undefined;
}

/** The members of a map; none of anything else. */
export function membersOf(node: LocatedNode | undefined): readonly LocatedMember[] {
  return node?.kind === "map" ? node.members : [];
}

/** What a scalar says; undefined of anything else. */
export function textOf(node: LocatedNode | undefined): string | undefined {
  return node?.kind === "scalar" ? node.value : undefined;
}

/**
 * Where everything stands in a JSON text that a JSON parser has accepted and that is nested at most 1,000 deep: on
 * anything else the answer means nothing.
 */
export function locateJson(text: string): LocatedNode {
  let at = 0;

  function skip(): void {
    while (/[\s,:]/.test(text[at] ?? "x")) at += 1;
  }

  function scalar(): LocatedScalar {
    const start = at;
    const isString = text[at] === '"';
    at = isString ? endOfString(text, at) : start + (/^[^\s,\]}]*/.exec(text.slice(at, at + 64))?.[0].length ?? 0);
    const raw = text.slice(start, at);
    return { kind: "scalar", value: isString ? String(JSON.parse(raw)) : raw, start, end: at };
  }

  function node(): LocatedNode {
    const start = at;
    const open = text[at];
    if (open !== "{" && open !== "[") return scalar();
    at += 1;
    const members: LocatedMember[] = [];
    const items: LocatedNode[] = [];
    for (skip(); at < text.length && text[at] !== "}" && text[at] !== "]"; skip()) {
      if (open === "[") {
        items.push(node());
        continue;
      }
      const key = scalar();
      skip();
      members.push({ key: key.value, keyStart: key.start, keyEnd: key.end, node: node() });
    }
    at += 1;
    return open === "{" ? { kind: "map", members, start, end: at } : { kind: "list", items, start, end: at };
  }

  skip();
  return node();
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
