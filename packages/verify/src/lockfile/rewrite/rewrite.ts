import { AssayError, encodeUtf8 } from "@assay/core";
import { parseLockfile } from "../formats.ts";
import { sourceOutsideRegistry } from "../locked-entry.ts";
import type { Lockfile } from "../lockfile.ts";
import { registryOfUrl, tarballPath } from "../../tarball-path.ts";
import { lockfileText, malformed } from "../reading.ts";
import {
  bunPlaces,
  denoPlaces,
  npmPlaces,
  pnpmPlaces,
  yarnBerryPlaces,
  yarnClassicPlaces,
  type PlacesIn,
  type UrlPlace,
} from "./places.ts";
import { onlyBase, type Edit, type Move, type Plan } from "./plan.ts";
import { vltEdits } from "./vlt.ts";

/** Where a lockfile's URLs shall lead. */
export interface RewriteRequest {
  /** Base URL of the registry to move to, or `none`: no URL, so that the client uses the one it is configured for. */
  readonly to: string;
  /** Base URL of the registry to move from; undefined: the only one that the lockfile names. */
  readonly from: string | undefined;
}

export interface Rewritten {
  /** The whole file; equal to the input but for URLs. */
  readonly bytes: Uint8Array;
  /** Base URL that was moved; undefined when the lockfile names none. */
  readonly from: string | undefined;
  /** How many URLs changed. */
  readonly changed: number;
  /** URLs of other registries, by their base, that stay. */
  readonly others: ReadonlyMap<string, number>;
}

/**
 * Moves a lockfile from one registry to another: only URLs of tarballs change, byte by byte nothing else, digests never.
 *
 * Throws BAD_FORMAT for what is no lockfile or has a URL that is not understood, naming the entry; USAGE for a registry
 * that is no http(s) URL, when several registries are named and none is chosen, and for `none` where the format
 * cannot say it. Then nothing was changed.
 */
export function rewriteLockfile(fileName: string, bytes: Uint8Array, request: RewriteRequest): Rewritten {
  const to = request.to === "none" ? "none" : baseUrl(request.to, "--to");
  const from = request.from === undefined ? undefined : baseUrl(request.from, "--from");
  const before = parseLockfile(fileName, bytes);
  const text = lockfileText(bytes);
  const { edits, ...found } =
    before.client === "vlt" ? vltEdits(text, { from, to }) : editsOf(placesOf(before), text, { from, to });
  const rewritten = withMark(bytes, applied(text, edits));
  checkSame(before, parseLockfile(fileName, rewritten));
  return { bytes: rewritten, changed: edits.length, ...found };
}

function placesOf({ client, format }: Lockfile): PlacesIn {
  if (client === "yarn") return format === "yarn 1" ? yarnClassicPlaces : yarnBerryPlaces;
  const places = { npm: npmPlaces, pnpm: pnpmPlaces, bun: bunPlaces, deno: denoPlaces };
  return client === "vlt" ? () => [] : places[client];
}

function editsOf(placesIn: PlacesIn, text: string, { from: given, to }: Move): Plan {
  // What lacks the mark of a registry's tarballs is a dependency by URL, and stays.
  const urls = placesIn(text).filter(({ url }) => sourceOutsideRegistry(url) === undefined);
  const places = urls.map((place) => ({ ...place, base: registryOfUrl(place.url, place.name, place.version) }));
  const bases = Map.groupBy(
    places.flatMap(({ base }) => base ?? []),
    (base) => base,
  );
  const from = given ?? onlyBase([...bases.keys()]);
  if (from === undefined) return { edits: [], from, others: new Map() };
  const edits = places.flatMap((place) => {
    if (!isBelow(place.url, from)) return [];
    if (place.base !== from)
      throw malformed(
        `${place.where} is fetched from ${place.url}, which is not where ${from} keeps ${place.name}@${place.version}`,
      );
    return to === from ? [] : [editOf(place, to)];
  });
  const others = [...bases].flatMap(([base, all]) => (base === from ? [] : [[base, all.length] as const]));
  return { edits, from, others: new Map(others) };
}

function editOf(place: UrlPlace, to: string): Edit {
  if (to !== "none") {
    // Yarn 1 has the sha1 behind the URL.
    const hash = place.url.includes("#") ? place.url.slice(place.url.indexOf("#")) : "";
    return place.replace(`${to}${tarballPath(place.name, place.version)}${hash}`);
  }
  if (place.remove !== undefined) return place.remove;
  throw new AssayError("USAGE", {
    reason: `${place.where} cannot do without its URL: the client would ask for another file. Name a registry with --to.`,
  });
}

function isBelow(url: string, base: string): boolean {
  return url.startsWith(`${base}/`);
}

/** A base URL as lockfiles have it. Throws USAGE. */
function baseUrl(text: string, option: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  )
    throw new AssayError("USAGE", {
      reason: `${option} must be an http or https URL without user, query or fragment, not ${JSON.stringify(text)}.`,
    });
  return url.href.replace(/\/+$/, "");
}

function applied(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let copied = 0;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(copied, start), replacement);
    copied = end;
  }
  return parts.join("") + text.slice(copied);
}

/** A byte order mark that was read past stays. */
function withMark(bytes: Uint8Array, text: string): Uint8Array {
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return encodeUtf8(isMarked ? `\u{feff}${text}` : text);
}

/** The last guard: what is installed is what was installed. */
function checkSame(before: Lockfile, after: Lockfile): void {
  if (contentOf(before) !== contentOf(after)) throw new Error("the rewritten lockfile would install something else");
}

function contentOf({ packages, unpinned, unverifiable, skipped }: Lockfile): string {
  const locked = packages.map(({ name, version, integrity }) => [name, version, integrity]);
  const others = [...unpinned, ...unverifiable].map(({ name, version }) => [name, version]);
  return JSON.stringify([locked, others, skipped]);
}
