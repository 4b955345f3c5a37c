import { isTag, type Version } from "@assay/core";

/** Where a package's tags pointed when they were last looked at, and where they point now. */
export interface TagSighting {
  readonly before: Readonly<Record<string, Version>>;
  readonly now: Readonly<Record<string, Version>>;
}

export interface MovedTag {
  readonly tag: string;
  readonly from: Version | "-";
  readonly to: Version | "-";
}

/** Most moves of one sighting: a package may have thousands of tags, and the log takes fifty a day. */
const mostMoves = 50;

/** The tags that moved, are new or went, `latest` first. Those that no record can hold are left out. Pure. */
export function movedTags({ before, now }: TagSighting): readonly MovedTag[] {
  const at = (tags: TagSighting["now"], tag: string): Version | "-" =>
    Object.hasOwn(tags, tag) ? (tags[tag] ?? "-") : "-";
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter(isTag)
    .map((tag) => ({ tag, from: at(before, tag), to: at(now, tag) }))
    .filter(({ from, to }) => from !== to)
    .toSorted((one, other) => rank(one.tag) - rank(other.tag) || (one.tag < other.tag ? -1 : 1))
    .slice(0, mostMoves);
}

function rank(tag: string): number {
  return tag === "latest" ? 0 : 1;
}
