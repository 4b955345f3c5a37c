/**
 * Ways in which a registry, a mirror, or somebody on the way to them can lie, each told so that it can be played before
 * any registry that reads through: what was true, what is lied, and how a client would notice.
 */
import { createHash } from "node:crypto";
import { hostileArchives } from "./hostile-archives.ts";
import { changedDocument, flippedByte, otherBytes, redirect, truncated } from "./lies.ts";
import { rawRequest } from "./raw-http.ts";
import type { RawAnswer } from "./raw-http.ts";
import { packageTgz } from "./tarball.ts";
import type { NewRelease, PublishedRelease, TestDocument, TestManifest, TestUpstream } from "./upstream.ts";

/** Where a story is played. */
export interface Stage {
  /** The registry that owns the names. */
  readonly upstream: TestUpstream;
  /** Another source that is configured beside it: see `LieStory.second`. */
  readonly second: TestUpstream;
  /** URL of what reads through to it. */
  readonly registry: string;
}

/** What a client that wants one version gets. */
export interface Sight {
  /** What the packument says it is about. */
  readonly name: string | undefined;
  /** The version's manifest in the packument; undefined when it is not listed or the packument was refused. */
  readonly manifest: TestManifest | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly versions: readonly string[];
  /** Bytes of the tarball, by the listed URL, or of a version that is not listed by the URL in a lockfile; undefined when they were refused. */
  readonly bytes: Buffer | undefined;
}

/** What became of a lie. */
export type Fate =
  /** The client got what is true. */
  | "truth"
  /** The client got nothing. */
  | "refused"
  /** The client got the lie, and a check of the bytes against the listed integrity would show it. */
  | "detectable"
  /** The client got the lie, and nothing that it got shows it. */
  | "believed";

export interface Outcome {
  readonly fate: Fate;
  /** The client still gets the lie after the upstream tells the truth again. */
  readonly kept: boolean;
}

export interface LieStory {
  readonly id: string;
  /** What is lied, for a table. */
  readonly title: string;
  /** Name of the package; its version is `1.0.0` unless the story says otherwise. */
  readonly name: string;
  readonly version?: string;
  /** Who lies, where it is not the registry: a mirror of it, or a registry where everybody may publish. */
  readonly second?: "mirror" | "public registry";
  /** Publishes what is true. */
  readonly truth: (upstream: TestUpstream, second: TestUpstream) => void;
  /** Whether the truth was served once before the lie begins. */
  readonly isServedBefore?: boolean;
  readonly lie: (upstream: TestUpstream, second: TestUpstream) => void;
  /** Tells the truth again; running lies are ended before. Absent where no truth could be told again. */
  readonly repair?: (upstream: TestUpstream, second: TestUpstream) => void;
  readonly isLie: (sight: Sight) => boolean;
}

/** Plays a story to its end. The upstreams are used for it alone. */
export async function playStory({ upstream, second, registry }: Stage, story: LieStory): Promise<Outcome> {
  const { name, version = "1.0.0" } = story;
  story.truth(upstream, second);
  if (story.isServedBefore === true) {
    const before = await lookAt(registry, name, version);
    if (before.bytes === undefined) throw new Error(`${story.id}: the truth was not served`);
  }
  story.lie(upstream, second);
  const sight = await lookAt(registry, name, version);
  const fate = fateOf(sight, story.isLie(sight));
  if (story.repair === undefined) return { fate, kept: false };
  upstream.honest();
  second.honest();
  story.repair(upstream, second);
  const later = await lookAt(registry, name, version);
  return { fate, kept: story.isLie(later) };
}

function fateOf(sight: Sight, isLie: boolean): Fate {
  if (!isLie) return sight.bytes === undefined ? "refused" : "truth";
  const listed = sight.manifest?.dist["integrity"];
  if (sight.bytes === undefined || typeof listed !== "string") return "believed";
  return listed === integrityOf(sight.bytes) ? "believed" : "detectable";
}

/** The packument and the tarball of a version as a client would ask for them, redirects of tarballs followed. */
async function lookAt(registry: string, name: string, version: string): Promise<Sight> {
  const document = await ask(registry, `/${name}`);
  const known = document === undefined ? {} : parsed(document);
  const versions = known.versions ?? {};
  const manifest = Object.hasOwn(versions, version) ? versions[version] : undefined;
  const listed = manifest?.dist["tarball"];
  const file = `${name.split("/").at(-1)}-${version}.tgz`;
  const bytes = await bytesAt(typeof listed === "string" ? listed : `${registry}/${name}/-/${file}`);
  return { name: known.name, manifest, tags: known["dist-tags"] ?? {}, versions: Object.keys(versions), bytes };
}

function parsed(answer: RawAnswer): Partial<TestDocument> {
  try {
    return answer.json();
  } catch {
    return {};
  }
}

async function ask(base: string, path: string): Promise<RawAnswer | undefined> {
  const answer = await rawRequest(base, path).catch(() => undefined);
  return answer?.status === 200 ? answer : undefined;
}

async function bytesAt(url: string): Promise<Buffer | undefined> {
  try {
    const answer = await fetch(url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.ok ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

const none = (): void => {};

/** The bytes differ from what the test upstream last published for the version. */
const otherBytesThan =
  (release: NewRelease) =>
  ({ bytes }: Sight): boolean =>
    bytes !== undefined && !bytes.equals(Buffer.from(tarballOf(release)));

function tarballOf({ name, version, manifest, files, tarball }: NewRelease): Uint8Array {
  return tarball ?? packageTgz({ name, version, ...manifest }, files);
}

/** A lie about the bytes of a version that nobody fetched before. */
function bytesStory(
  id: string,
  title: string,
  lie: (upstream: TestUpstream, release: PublishedRelease) => void,
): LieStory {
  const release = { name: id, version: "1.0.0" };
  return {
    id,
    title,
    name: id,
    truth: (upstream) => void upstream.publish(release),
    lie: (upstream) => lie(upstream, upstream.publish(release)),
    repair: none,
    isLie: otherBytesThan(release),
  };
}

/** A lie in the manifest that the packument lists; the tarball is true. */
function manifestStory(
  id: string,
  title: string,
  isServedBefore: boolean,
  change: (manifest: TestManifest) => void,
): LieStory {
  const release: NewRelease = { name: id, version: "1.0.0", manifest: { dependencies: { alpha: "^1.0.0" } } };
  const untrue: TestManifest = { name: id, version: "1.0.0", dist: {} };
  change(untrue);
  const [field = ""] = Object.keys(untrue).filter((key) => !["name", "version", "dist"].includes(key));
  return {
    id,
    title,
    name: id,
    isServedBefore,
    truth: (upstream) => void upstream.publish(release),
    lie: (upstream) =>
      upstream.edit(id, (document) => {
        const manifest = document.versions["1.0.0"];
        if (manifest !== undefined) change(manifest);
      }),
    repair: (upstream) => void upstream.publish(release),
    isLie: ({ manifest, bytes }) =>
      bytes !== undefined && JSON.stringify(manifest?.[field]) === JSON.stringify(untrue[field]),
  };
}

/** An archive that programs read differently, or that writes outside its folder. */
function archiveStory(id: string, title: string, archive: string): LieStory {
  const tarball = hostileArchives({ name: id, version: "1.0.0" })[archive];
  if (tarball === undefined) throw new Error(`there is no hostile archive "${archive}"`);
  return {
    id,
    title,
    name: id,
    truth: none,
    lie: (upstream) => void upstream.publish({ name: id, version: "1.0.0", tarball }),
    isLie: ({ bytes }) => bytes?.equals(Buffer.from(tarball)) === true,
  };
}

/** A mirror that lies about a version, while its registry tells the truth. */
function mirrorStory(
  id: string,
  title: string,
  lie: (mirror: TestUpstream) => void,
  isLie: LieStory["isLie"],
): LieStory {
  const release = { name: id, version: "1.0.0" };
  return {
    id,
    title,
    name: id,
    second: "mirror",
    truth: (upstream, mirror) => {
      upstream.publish(release);
      mirror.publish(release);
    },
    lie: (_upstream, mirror) => lie(mirror),
    repair: (_upstream, mirror) => {
      mirror.remove(id);
      mirror.publish(release);
    },
    isLie,
  };
}

const replaced = { name: "replaced", version: "1.0.0" };
const republished = { ...replaced, files: { "index.js": "steal();" } };
const undigested = { name: "undigested", version: "1.0.0" };
const foreign = { name: "foreign", version: "1.0.0" };
const foreignTarball = packageTgz({ name: "somebody-else", version: "1.0.0" });

/** Every story: first those that one source can tell. */
export const lieStories: readonly LieStory[] = [
  bytesStory("flipped", "one byte of a tarball is changed", (upstream, { path }) =>
    upstream.lie(path, flippedByte(40)),
  ),
  bytesStory("swapped", "a whole other tarball than the one listed", (upstream, { path }) =>
    upstream.lie(path, otherBytes(packageTgz({ name: "swapped", version: "1.0.0" }, { "index.js": "steal();" }))),
  ),
  bytesStory("cut-off", "a tarball that breaks off, its length fitting", (upstream, { path, tarball }) =>
    upstream.lie(path, otherBytes(tarball.slice(0, 60))),
  ),
  bytesStory("broken-off", "a tarball that breaks off in the middle of the transfer", (upstream, { path }) =>
    upstream.lie(path, truncated(60)),
  ),
  bytesStory("login-page", "a web page with status 200 in place of a tarball", (upstream, { path }) =>
    upstream.lie(path, otherBytes("<html>Please log in</html>", { "content-type": "text/html" })),
  ),
  {
    id: "replaced",
    title: "other bytes, with a fitting integrity, for a version that was served before",
    name: "replaced",
    isServedBefore: true,
    truth: (upstream) => void upstream.publish(replaced),
    lie: (upstream) => void upstream.publish(republished),
    repair: (upstream) => void upstream.publish(replaced),
    isLie: (sight) =>
      otherBytesThan(replaced)(sight) || sight.manifest?.dist["integrity"] !== integrityOf(tarballOf(replaced)),
  },
  {
    id: "undigested",
    title: "other bytes, listed without any integrity",
    name: "undigested",
    truth: (upstream) => void upstream.publish(undigested),
    lie: (upstream) => void upstream.publish({ ...undigested, files: { "index.js": "steal();" }, digests: "none" }),
    repair: (upstream) => void upstream.publish(undigested),
    isLie: otherBytesThan(undigested),
  },
  {
    id: "foreign",
    title: "another package's tarball, listed with its own fitting integrity",
    name: "foreign",
    truth: (upstream) => void upstream.publish(foreign),
    lie: (upstream) => void upstream.publish({ ...foreign, tarball: foreignTarball }),
    repair: (upstream) => void upstream.publish(foreign),
    isLie: ({ bytes }) => bytes?.equals(Buffer.from(foreignTarball)) === true,
  },
  manifestStory("injected", "a dependency that the tarball does not have", false, (manifest) => {
    manifest["dependencies"] = { evil: "^1.0.0" };
  }),
  manifestStory("scripted", "an install script that the tarball does not have", false, (manifest) => {
    manifest["scripts"] = { postinstall: "node evil.js" };
  }),
  manifestStory("rewired", "another dependency for a version that was served before", true, (manifest) => {
    manifest["dependencies"] = { evil: "^1.0.0" };
  }),
  {
    id: "impostor",
    title: "the document of another package",
    name: "impostor",
    truth: (upstream) => void upstream.publish({ name: "impostor", version: "1.0.0" }),
    lie: (upstream) =>
      upstream.lie(
        "/impostor",
        changedDocument((document) => {
          document["name"] = "somebody-else";
          document["_id"] = "somebody-else";
        }),
      ),
    repair: none,
    isLie: ({ name, bytes }) => name === "somebody-else" && bytes !== undefined,
  },
  {
    id: "inward",
    title: "a redirect of a tarball to an address inside the network",
    name: "inward",
    truth: (upstream) => void upstream.publish({ name: "inward", version: "1.0.0" }),
    lie: (upstream) => {
      // The same server under another name: a host that is not the registry's.
      upstream.put("/inside", "the secret of an inner service");
      upstream.lie("/inward/-/inward-1.0.0.tgz", redirect(`${upstream.url.replace("127.0.0.1", "localhost")}/inside`));
    },
    repair: none,
    isLie: ({ bytes }) => bytes?.includes("secret") === true,
  },
  {
    id: "taken-down",
    title: "a version that its registry took down within hours is still offered as latest",
    name: "taken-down",
    version: "1.1.0",
    isServedBefore: true,
    truth: (upstream) => {
      upstream.publish({ name: "taken-down", version: "1.0.0" });
      upstream.publish({ name: "taken-down", version: "1.1.0", time: new Date().toISOString() });
    },
    lie: (upstream) => {
      upstream.remove("taken-down", "1.1.0");
      upstream.tag("taken-down", "latest", "1.0.0");
    },
    isLie: ({ versions, tags, bytes }) =>
      versions.includes("1.1.0") || tags["latest"] === "1.1.0" || bytes !== undefined,
  },
  archiveStory("linked", "an archive with a symbolic link", "symbolic link"),
  archiveStory("climbing", "an archive that writes outside its folder", "climbing path"),
  {
    id: "rolled-back",
    title: "the tag latest is moved back to an older version",
    name: "rolled-back",
    isServedBefore: true,
    truth: (upstream) => {
      upstream.publish({ name: "rolled-back", version: "1.0.0" });
      upstream.publish({ name: "rolled-back", version: "1.1.0" });
    },
    lie: (upstream) => upstream.tag("rolled-back", "latest", "1.0.0"),
    repair: (upstream) => upstream.tag("rolled-back", "latest", "1.1.0"),
    isLie: ({ tags }) => tags["latest"] === "1.0.0",
  },
  {
    id: "harmful",
    title: "a harmful new version, published by somebody who may publish",
    name: "harmful",
    version: "1.0.1",
    truth: (upstream) => void upstream.publish({ name: "harmful", version: "1.0.0" }),
    lie: (upstream) => void upstream.publish({ name: "harmful", version: "1.0.1", files: { "index.js": "steal();" } }),
    isLie: ({ bytes }) => bytes !== undefined,
  },
  mirrorStory(
    "swapped-at-mirror",
    "a mirror serves another tarball than its registry lists",
    (mirror) =>
      mirror.lie(
        "/swapped-at-mirror/-/swapped-at-mirror-1.0.0.tgz",
        otherBytes(packageTgz({ name: "swapped-at-mirror", version: "1.0.0" }, { "index.js": "steal();" })),
      ),
    otherBytesThan({ name: "swapped-at-mirror", version: "1.0.0" }),
  ),
  mirrorStory(
    "disagreeing",
    "a mirror lists and serves other bytes than its registry, with a fitting integrity",
    (mirror) => void mirror.publish({ name: "disagreeing", version: "1.0.0", files: { "index.js": "steal();" } }),
    otherBytesThan({ name: "disagreeing", version: "1.0.0" }),
  ),
  mirrorStory(
    "invented",
    "a mirror lists a version that its registry does not have, as latest",
    (mirror) => void mirror.publish({ name: "invented", version: "1.0.1", files: { "index.js": "steal();" } }),
    ({ versions, tags }) => versions.includes("1.0.1") || tags["latest"] === "1.0.1",
  ),
  {
    id: "@private/lib",
    title: "somebody publishes your private name, in a higher version, where everybody may publish",
    name: "@private/lib",
    second: "public registry",
    truth: (upstream) => void upstream.publish({ name: "@private/lib", version: "1.0.0" }),
    lie: (_upstream, open) =>
      void open.publish({ name: "@private/lib", version: "99.0.0", files: { "index.js": "steal();" } }),
    repair: (_upstream, open) => open.remove("@private/lib"),
    isLie: ({ versions, tags }) => versions.includes("99.0.0") || tags["latest"] === "99.0.0",
  },
];
