import { createHash } from "node:crypto";
import { decodeUtf8, type PackageName, type Version } from "@assay/core";
import type { Config } from "../config/config.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { createByteCache } from "../platform/cache.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { PackageState, Releases } from "../releases/releases.ts";
import type { SignatureContext } from "../signing/signing.ts";
import { hostedAlias, withParts, type Overlay, type Packument, type Upstreams } from "../upstreams/upstreams.ts";
import type { DocumentCache } from "./document-cache.ts";
import type { Encoding, Render } from "./render.ts";
import { rebindVersions } from "./rebind.ts";
import { decideView, type ShownTarballs, type View } from "./view.ts";

export type Form = "full" | "abbreviated";

/** A finished packument: rendered and compressed for one base, form and encoding. */
export interface Document {
  readonly bytes: Uint8Array;
  /** Strong, with quotes; differs between forms and, behind a dot, encodings: `contentEtags`. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** Why what is shown may be old, or undefined. */
  readonly stale: string | undefined;
}

export interface DocumentRequest {
  readonly name: PackageName;
  /** Public URL without trailing slash. */
  readonly base: string;
  readonly form: Form;
  readonly encoding: Encoding;
}

export interface Documents {
  /**
   * The document, from memory, from the disk cache, or rendered now (once, however many ask). Throws what
   * `Upstreams.packument` throws.
   */
  get(request: DocumentRequest): Promise<Document>;
  /** The document when it can be had without a wait: fresh, shown as before, in memory. */
  hot(request: DocumentRequest): Document | undefined;
  /** What a package shows now. */
  view(packument: Packument): Promise<View>;
  /** Whose tarball URLs the documents of this packument carry. */
  tarballs(packument: Packument): ShownTarballs;
  /** Texts of listed versions whose listing is not what was bound. */
  overlays(packument: Packument, view: Pick<View, "rebound" | "withheld">): Promise<ReadonlyMap<Version, Overlay>>;
}

interface DocumentsDeps {
  readonly upstreams: Upstreams;
  readonly releases: Releases;
  readonly blobs: BlobStore;
  readonly cache: DocumentCache;
  readonly render: Render;
}

/** Raised when the same view would be rendered to other bytes: part of every key. */
const renderingVersion = 3;

interface KeyedView {
  readonly digest: string;
  readonly generation: number;
  /** Of the registries' keys. */
  readonly keyGeneration: number;
  readonly view: View;
  readonly key: string;
  /** ETags by base, form and encoding, so that a warm read hashes nothing. */
  readonly etags: Map<string, string>;
}

export interface DocumentsOptions {
  readonly memoryBytes: number;
  readonly lockfileUrls: Config["lockfileUrls"];
}

export function createDocuments(deps: DocumentsDeps, { memoryBytes, lockfileUrls }: DocumentsOptions): Documents {
  const { upstreams, releases, blobs, cache, render } = deps;
  const rendered = createByteCache<Document>({
    maxBytes: memoryBytes,
    sizeOf: (entry) => entry.bytes.byteLength + 200,
  });
  const views = createByteCache<KeyedView>({
    maxBytes: 16 * 1024 * 1024,
    sizeOf: ({ view }) => 400 + view.versions.length * 8 + view.signatures.size * 50,
  });
  const rendering = createSingleFlight<Document>();

  /** While its owner is silent nobody can be sent there; what lives here is here. */
  function tarballs(packument: Packument): ShownTarballs {
    const isElsewhere = packument.source !== hostedAlias && packument.isPartial !== true;
    return lockfileUrls === "upstream" && isElsewhere ? "listed" : "here";
  }

  function signatureContext({ name, source }: Packument): SignatureContext {
    return upstreams.keys.context(upstreams.ownerOf(name) ?? source);
  }

  function isCurrent(known: KeyedView, packument: Packument, { generation }: PackageState): boolean {
    return (
      known.digest === packument.digest &&
      known.generation === generation &&
      known.keyGeneration === upstreams.keys.generation
    );
  }

  async function keyedView(packument: Packument): Promise<KeyedView> {
    const pending = releases.packageState(packument.name);
    const state = pending instanceof Promise ? await pending : pending;
    const known = views.get(packument.name);
    if (known !== undefined && isCurrent(known, packument, state)) return known;
    const context = signatureContext(packument);
    // Where a signature is required, a key that is only not known yet must not hide what it signed.
    if (context.policy === "require") await upstreams.keys.current(context.owner);
    const keyGeneration = context.ring.generation;
    const view = decideView(packument, state, context);
    const entry = {
      digest: packument.digest,
      generation: state.generation,
      keyGeneration,
      view,
      key: viewKey(packument, view, tarballs(packument)),
      etags: new Map<string, string>(),
    };
    views.set(packument.name, entry);
    return entry;
  }

  function overlays(
    packument: Packument,
    view: Pick<View, "rebound" | "withheld">,
  ): Promise<ReadonlyMap<Version, Overlay>> {
    return rebindVersions(packument, view, async (manifest) => {
      const fragment = await blobs.read(blobKey("manifest", "sha256", manifest));
      return fragment === undefined ? undefined : decodeUtf8(fragment);
    });
  }

  async function produce(
    request: DocumentRequest,
    packument: Packument,
    { view, key }: KeyedView,
    etag: string,
  ): Promise<Document> {
    const place = { name: request.name, view: key, etag };
    const kept = await cache.read(place);
    if (kept !== undefined) return { bytes: kept, etag, modifiedMs: view.modifiedMs, stale: undefined };
    const bytes = await render({
      packument,
      view,
      overlays: Object.fromEntries(await overlays(packument, view)),
      form: request.form,
      base: request.base,
      tarballs: tarballs(packument),
      encoding: request.encoding,
    });
    await cache.write(place, bytes);
    return { bytes, etag, modifiedMs: view.modifiedMs, stale: undefined };
  }

  async function answer(request: DocumentRequest, packument: Packument): Promise<Document> {
    const keyed = await keyedView(packument);
    const etag = documentEtag(keyed, request);
    let document = rendered.get(etag);
    if (document === undefined) {
      document = await rendering.run(etag, () => produce(request, packument, keyed, etag));
      rendered.set(etag, document);
    }
    return packument.stale === undefined ? document : { ...document, stale: packument.stale };
  }

  return {
    hot(request) {
      const packument = upstreams.fresh(request.name);
      const known = packument === undefined ? undefined : views.get(request.name);
      if (packument === undefined || known === undefined) return undefined;
      const state = releases.packageState(request.name);
      if (state instanceof Promise || !isCurrent(known, packument, state)) return undefined;
      return rendered.get(documentEtag(known, request));
    },
    overlays,
    tarballs,
    view: async (packument) => (await keyedView(packument)).view,
    get: async (request) =>
      withParts(upstreams, await upstreams.packument(request.name), (packument) => answer(request, packument)),
  };
}

/** Names all that decides the bytes of a package's documents but for base, form and encoding. */
function viewKey(packument: Packument, view: View, tarballs: ShownTarballs): string {
  const hash = createHash("sha256").update(
    `${renderingVersion}\n${packument.name}\n${packument.digest}\n${view.modifiedMs}\n`,
  );
  if (packument.isPartial === true) hash.update("partial\n");
  if (tarballs === "listed") hash.update("listed\n");
  for (const { version, rule, reason } of view.refused) hash.update(`- ${version} ${rule} ${reason}\n`);
  for (const { version, integrity, manifest } of view.rebound) hash.update(`= ${version} ${integrity} ${manifest}\n`);
  for (const [version, keyids] of view.withheld) hash.update(`~ ${version} ${keyids.join(" ")}\n`);
  for (const [version, { keyid, sig }] of view.signatures) hash.update(`+ ${version} ${keyid} ${sig}\n`);
  return hash.update(JSON.stringify(view.times)).digest("hex");
}

function documentEtag({ key, etags }: KeyedView, { base, form, encoding }: DocumentRequest): string {
  const variant = `${form} ${encoding} ${base}`;
  let etag = etags.get(variant);
  if (etag === undefined) {
    const content = createHash("sha256").update(`${key}\n${form} ${base}`).digest("base64url").slice(0, 27);
    etag = `"${content}${suffixes[encoding]}"`;
    etags.set(variant, etag);
  }
  return etag;
}

/** A dot is no character of base64url. */
const suffixes: Readonly<Record<Encoding, string>> = { identity: "", gzip: ".gzip", zstd: ".zstd" };

/** The ETags of one content in every encoding, that of the document first. */
export function contentEtags({ etag }: Pick<Document, "etag">): readonly string[] {
  const content = etag.slice(1, -1).split(".", 1)[0] ?? "";
  return [etag, ...Object.values(suffixes).map((suffix) => `"${content}${suffix}"`)];
}
