import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import type { Version } from "@assay/core";
import type { Workers } from "../platform/workers/workers.ts";
import {
  assembleDocument,
  DamagedParts,
  type AssembleInput,
  type Overlay,
  type Packument,
} from "../upstreams/upstreams.ts";
import type { ShownTarballs, View } from "./view.ts";
import { renderInWorker } from "./render-worker.ts";

export type Encoding = "gzip" | "zstd" | "identity";

export interface RenderRequest {
  readonly packument: Packument;
  readonly view: View;
  readonly overlays: Readonly<Record<Version, Overlay>>;
  readonly form: "full" | "abbreviated";
  readonly base: string;
  readonly tarballs: ShownTarballs;
  readonly encoding: Encoding;
}

/** Puts a document together and compresses it. */
export type Render = (request: RenderRequest) => Promise<Uint8Array>;

/** Documents with more JSON than this are rendered in a worker thread. */
const inlineBytes = 256 * 1024;
const compress = { gzip: promisify(gzip), zstd: promisify(zstdCompress) };

export function createRender({ workers }: { readonly workers: Workers }): Render {
  return async (request) => {
    const input = assembleInput(request);
    if (sizeOf(request) > inlineBytes) {
      const rendered = await workers.run(renderInWorker, { input, encoding: request.encoding });
      if (rendered === undefined) throw new DamagedParts(input.partsPath);
      return rendered;
    }
    const identity = assembleDocument(input);
    return request.encoding === "identity" ? identity : compress[request.encoding](identity);
  };
}

function assembleInput({ packument, view, overlays, form, base, tarballs }: RenderRequest): AssembleInput {
  const all = view.versions.length === packument.versions.size;
  return {
    partsPath: packument.partsPath,
    form,
    base,
    versions: all ? "all" : view.versions.map((listed) => listed.version),
    tags: view.tags,
    overlays,
    signatures: Object.fromEntries(view.signatures),
    tarballs,
    times: { ...view.times, modified: new Date(view.modifiedMs).toISOString() },
    members: form === "full" && view.refused.length > 0 ? { policyRestrictions: restrictions(view) } : {},
  };
}

/** npm prints this message instead of "no matching version" when only refused versions match. */
function restrictions({ name, refused }: View): object {
  const [first] = refused;
  return {
    message: `${first?.rule ?? ""}: ${first?.reason ?? ""}`,
    versions: Object.fromEntries(refused.map(({ version }) => [version, { name, version }])),
  };
}

function sizeOf({ packument, form }: RenderRequest): number {
  let size = 0;
  for (const listed of packument.versions.values()) size += listed[form].end - listed[form].start;
  return size;
}
