import { blankJsonc } from "../jsonc.ts";
import { locateJson, memberOf, membersOf, textOf, type LocatedMember, type LocatedNode } from "../located.ts";
import { withBuild } from "../locked-entry.ts";
import { packageName } from "../yarn-classic.ts";
import { readYarnEntries } from "../yarn-entries.ts";
import { locateYaml } from "../yaml.ts";
import type { Edit } from "./plan.ts";

/** A URL of a registry's tarball in a lockfile. */
export interface UrlPlace {
  /** Which entry, for people. */
  readonly where: string;
  readonly name: string;
  readonly version: string;
  readonly url: string;
  /** Writes another URL in its place. */
  readonly replace: (url: string) => Edit;
  /** Takes it away, so that the client uses the registry that it is configured for; undefined where that cannot be said. */
  readonly remove: Edit | undefined;
}

/** The places of one format. `text` was read by the format's parser. */
export type PlacesIn = (text: string) => readonly UrlPlace[];

/** package-lock.json: `resolved` in both of its lists. */
export const npmPlaces: PlacesIn = (text) => {
  const root = locateJson(text);
  const packages = membersOf(memberOf(root, "packages")).flatMap(({ key, node }) => {
    const name = textOf(memberOf(node, "name")) ?? key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length);
    const isLink = textOf(memberOf(node, "link")) === "true";
    return isLink ? [] : urlMember(node, "resolved", { where: key, name, version: textOf(memberOf(node, "version")) });
  });
  return [...packages, ...treePlaces(memberOf(root, "dependencies"), "dependencies")];
};

function treePlaces(level: LocatedNode | undefined, where: string): readonly UrlPlace[] {
  return membersOf(level).flatMap(({ key, node }) => {
    const here = `${where}.${key}`;
    const spec = textOf(memberOf(node, "version")) ?? "";
    const alias = /^npm:(.+)@([^@]+)$/s.exec(spec);
    const name = alias?.[1] ?? key;
    const listed = alias?.[2] ?? spec;
    const places = urlMember(node, "resolved", { where: here, name, version: listed }).map((place) => {
      const version = withBuild(name, listed, place.url);
      // Only the URL says which version that is.
      return version === listed ? place : { ...place, version, remove: undefined };
    });
    return [...places, ...treePlaces(memberOf(node, "dependencies"), here)];
  });
}

/** pnpm-lock.yaml: `resolution.tarball`, which it has only where the URL is not the usual one. */
export const pnpmPlaces: PlacesIn = (text) =>
  locateYaml(text).flatMap((root) => {
    const isVersion6 = textOf(memberOf(root, "lockfileVersion"))?.startsWith("6") === true;
    return membersOf(memberOf(root, "packages")).flatMap(({ key, node }) => {
      const isPlace = isVersion6 && !key.startsWith("/");
      const subject = isPlace ? fieldsOf(node) : splitKey(key.replace(/^\//, ""));
      return urlMember(memberOf(node, "resolution"), "tarball", { where: key, ...subject }).map((place) =>
        // Without it pnpm drops build metadata, and asks another registry than a key of version 6 may name.
        place.version.includes("+") || isPlace ? { ...place, remove: undefined } : place,
      );
    });
  });

function fieldsOf(node: LocatedNode): { readonly name: string; readonly version: string } {
  return { name: textOf(memberOf(node, "name")) ?? "", version: textOf(memberOf(node, "version")) ?? "" };
}

function splitKey(key: string): { readonly name: string; readonly version: string } {
  const at = key.indexOf("@", 1);
  return { name: key.slice(0, at), version: key.slice(at + 1).replace(/\(.*$/s, "") };
}

/** deno.lock: `npm.*.tarball`. */
export const denoPlaces: PlacesIn = (text) => {
  const root = locateJson(text);
  const npm = memberOf(root, "npm") ?? memberOf(memberOf(root, "packages"), "npm");
  return membersOf(npm).flatMap(({ key, node }) => {
    const at = key.indexOf("@", 1);
    const [version = ""] = key.slice(at + 1).split("_", 1);
    return urlMember(node, "tarball", { where: key, name: key.slice(0, at), version });
  });
};

/** bun.lock: the second element of a registry's tuple; empty for the registry that Bun is configured for. */
export const bunPlaces: PlacesIn = (text) =>
  membersOf(memberOf(locateJson(blankJsonc(text)), "packages")).flatMap(({ key, node }) => {
    const items = node.kind === "list" ? node.items : [];
    const [id, place] = items;
    const spec = textOf(id) ?? "";
    const at = spec.indexOf("@", 1);
    if (items.length !== 4 || place?.kind !== "scalar" || place.value === "") return [];
    const replace = (url: string): Edit => ({ start: place.start, end: place.end, text: JSON.stringify(url) });
    const { value: url } = place;
    return [{ where: key, name: spec.slice(0, at), version: spec.slice(at + 1), url, replace, remove: replace("") }];
  });

/** yarn.lock of Yarn 1: `resolved "<url>#<sha1>"`. */
export const yarnClassicPlaces: PlacesIn = (text) =>
  readYarnEntries(text).flatMap(({ descriptors, fields }) => {
    const [first = ""] = descriptors;
    const resolved = fields.get("resolved");
    if (resolved === undefined || !/^https?:/i.test(resolved.value)) return [];
    const name = packageName(first);
    const version = withBuild(name, fields.get("version")?.value ?? "", resolved.value);
    const { start, end, value: url } = resolved;
    const lineStart = text.lastIndexOf("\n", start) + 1;
    const lineEnd = text.indexOf("\n", end) + 1;
    const isNeeded = version !== fields.get("version")?.value || lineEnd === 0;
    // Only the URL says which version that is, where Yarn 1 left out the build metadata.
    const remove = isNeeded ? undefined : { start: lineStart, end: lineEnd, text: "" };
    return [{ where: first, name, version, url, replace: (to) => ({ start, end, text: JSON.stringify(to) }), remove }];
  });

/** yarn.lock of Yarn 2 and later: `::__archiveUrl=` in a resolution, which it has only where the URL is not the usual one. */
export const yarnBerryPlaces: PlacesIn = (text) =>
  locateYaml(text).flatMap((root) =>
    membersOf(root).flatMap(({ key, node }) => {
      const resolution = memberOf(node, "resolution");
      if (resolution?.kind !== "scalar") return [];
      const parts = /^(.[^@]*)@npm:([^:]*)::__archiveUrl=([^&]*)$/s.exec(resolution.value);
      const [, name = "", version = "", encoded = ""] = parts ?? [];
      if (parts === null) return [];
      const { start, end } = resolution;
      const replace = (url: string): Edit => ({
        start,
        end,
        text: JSON.stringify(`${name}@npm:${version}::__archiveUrl=${encodeURIComponent(url)}`),
      });
      return [{ where: key, name, version, url: decodeURIComponent(encoded), replace, remove: undefined }];
    }),
  );

/** The URL in a member, if it holds one. */
function urlMember(
  map: LocatedNode | undefined,
  key: string,
  subject: { readonly where: string; readonly name: string; readonly version: string | undefined },
): readonly UrlPlace[] {
  const members = membersOf(map);
  const at = members.findIndex((each) => each.key === key);
  const member = members[at];
  const url = textOf(member?.node);
  if (member === undefined || url === undefined || !/^https?:/i.test(url)) return [];
  const { start, end } = member.node;
  const isQuoted = member.keyEnd - member.keyStart > member.key.length;
  return [
    {
      ...subject,
      version: subject.version ?? "",
      url,
      replace: (to) => ({ start, end, text: isQuoted ? JSON.stringify(to) : to }),
      remove: removal(members, at),
    },
  ];
}

/** From the end of the member before to its own end, with the comma or line break between; a first one up to the next. */
function removal(members: readonly LocatedMember[], at: number): Edit | undefined {
  const member = members[at];
  if (member === undefined) return undefined;
  const before = members[at - 1];
  if (before !== undefined) return { start: before.node.end, end: member.node.end, text: "" };
  return { start: member.keyStart, end: members[at + 1]?.keyStart ?? member.node.end, text: "" };
}
