import { formatHttpDate } from "../http/conditional.ts";
import { abbreviatedType } from "../http/negotiate.ts";
import { finishedHead, type FinishedHead } from "../http/send.ts";
import type { Document, Form } from "./documents.ts";
import type { Encoding } from "./render.ts";
import type { Tarball } from "./tarballs.ts";

/** Clients ask again each time; an unchanged document costs them a 304. */
const documentCacheControl = "public, max-age=0, must-revalidate";
/** A bound tarball never changes, but it may be refused later: caches must ask again within this time. */
const tarballCacheControl = "public, max-age=300";
const vary = "accept, accept-encoding";

/** Heads of answers. One of bytes in memory is made once, so that a warm read formats nothing. */
export interface Answers {
  /** Of 200 with the whole document. */
  documentHead(document: Document, form: Form, encoding: Encoding): FinishedHead;
  /** Of 200 with the whole tarball. */
  tarballHead(tarball: Tarball): FinishedHead;
}

export function createAnswers(): Answers {
  const documents = new WeakMap<Uint8Array, FinishedHead>();
  const tarballs = new WeakMap<Tarball, FinishedHead>();
  return {
    documentHead(document, form, encoding) {
      if (document.stale !== undefined) return makeDocumentHead(document, form, encoding);
      let head = documents.get(document.bytes);
      if (head === undefined) documents.set(document.bytes, (head = makeDocumentHead(document, form, encoding)));
      return head;
    },
    tarballHead(tarball) {
      let head = tarballs.get(tarball);
      if (head === undefined) {
        head = finishedHead(tarballHeaders(tarball), tarball.release.sizeBytes);
        tarballs.set(tarball, head);
      }
      return head;
    },
  };
}

function makeDocumentHead(document: Document, form: Form, encoding: Encoding): FinishedHead {
  return finishedHead(
    {
      "content-type": form === "abbreviated" ? abbreviatedType : "application/json",
      ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
      ...documentHeaders(document),
    },
    document.bytes.byteLength,
  );
}

/** What 200 and 304 say alike. */
export function documentHeaders(document: Document): Record<string, string> {
  return {
    "cache-control": documentCacheControl,
    etag: document.etag,
    "last-modified": formatHttpDate(document.modifiedMs),
    vary,
    ...staleHeaders(document.stale),
  };
}

/** What every answer with (a part of) a tarball says. */
export function tarballHeaders({ release }: Tarball): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "cache-control": tarballCacheControl,
    etag: `"${release.integrity}"`,
    "accept-ranges": "bytes",
  };
}

/** For answers made from a packument that may be old: that it is, and why (RFC 9211 names the shape). */
export function staleHeaders(stale: string | undefined): Record<string, string> {
  if (stale === undefined) return {};
  const detail = stale.replace(/[^ -!#-[\]-~]/g, "?").slice(0, 200);
  return { "cache-status": `assay; hit; detail="${detail}"`, warning: '110 assay "Response is Stale"' };
}

/** For small answers made from a packument. */
export function packumentHeaders(stale: string | undefined): Record<string, string> {
  return { "cache-control": documentCacheControl, ...staleHeaders(stale) };
}
