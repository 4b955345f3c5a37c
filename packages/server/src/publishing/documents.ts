import type { PackageName } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import type { HostedDocuments } from "../upstreams/upstreams.ts";
import { revisionText } from "./changes/revision.ts";
import { liveVersions, readDocumentRow, readReadme, readTags } from "./store.ts";

/** What packages that live here say, from this room's rows: where `upstreams` reads them. */
export function createHostedDocuments({
  database,
  owners,
}: {
  readonly database: Pick<Database, "read">;
  /** User names of who owns a package. */
  readonly owners: (name: PackageName) => Promise<readonly string[]>;
}): HostedDocuments {
  return {
    async revisionOf(name) {
      const row = await readDocumentRow(database.read, name);
      return row?.revision;
    },
    async document(name) {
      const document = await readDocument(database, name);
      // Addresses of people are told to nobody; clients want the member.
      const maintainers = (await owners(name)).map((person) => ({ name: person, email: "" }));
      return new Uint8Array(Buffer.from(JSON.stringify({ ...document, maintainers })));
    },
  };
}

/** The packument as a registry holds it: every version that is not unpublished. */
export async function readDocument(
  { read }: Pick<Database, "read">,
  name: PackageName,
): Promise<Record<string, unknown>> {
  // First, so that the rest is at least as new.
  const row = await readDocumentRow(read, name);
  const versions = await liveVersions(read, name);
  const tags = await readTags(read, name);
  const live = new Set(versions.map(({ version }) => version));
  const shown = tags.filter(({ version }) => live.has(version));
  const latest = shown.find(({ tag }) => tag === "latest")?.version ?? versions.at(-1)?.version;
  const manifests = versions.map(({ version, manifest, deprecated }) => {
    const listed = JSON.parse(manifest) as Record<string, unknown>;
    return [version, deprecated === null ? listed : { ...listed, deprecated }] as const;
  });
  const newest = manifests.find(([version]) => version === latest)?.[1] ?? {};
  const readme = latest === undefined ? undefined : await readReadme(read, name, latest);
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    _id: name,
    // Clients that change a document hand it back; those that only read drop it.
    _rev: revisionText(row?.revision ?? 0),
    name,
    "dist-tags": Object.fromEntries(shown.map(({ tag, version }) => [tag, version])),
    time: {
      // What came from another registry was made there.
      created: iso(Math.min(row?.created_at_ms ?? 0, versions[0]?.published_at_ms ?? Infinity)),
      modified: iso(row?.changed_at_ms ?? 0),
      ...Object.fromEntries(versions.map(({ version, published_at_ms }) => [version, iso(published_at_ms)])),
    },
    ...Object.fromEntries(
      fromLatest.flatMap((member) => (newest[member] === undefined ? [] : [[member, newest[member]]])),
    ),
    ...(readme === undefined ? {} : { readme }),
    versions: Object.fromEntries(manifests),
  };
}

/** Members that a packument has of its latest version. */
const fromLatest = [
  "description",
  "homepage",
  "keywords",
  "repository",
  "author",
  "contributors",
  "bugs",
  "license",
  "readmeFilename",
];
