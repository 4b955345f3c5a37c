import type { IncomingMessage } from "node:http";
import { parsePackageName, type PackageName, type Version } from "@assay/core";
import { contentEncoding, packumentForm, wantsHtml } from "../http/negotiate.ts";
import type { ReadyAnswer, ReadyAnswers } from "../http/ready.ts";
import { createByteCache } from "../platform/cache.ts";
import type { Answers } from "./answers.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import type { Serving } from "./serving.ts";
import { versionOfFile } from "./tarballs.ts";

type Target =
  | { readonly kind: "document"; readonly name: PackageName }
  | { readonly kind: "tarball"; readonly name: PackageName; readonly version: Version }
  | { readonly kind: "other" };

/**
 * Finished answers to the reads that a registry is asked for all day: whole documents and small tarballs that are in
 * memory and pass the gate. Whatever needs a wait, a condition or a decision is left to the routes.
 */
export function createReadyAnswers(
  serving: Serving,
  answers: Answers,
  isOpen: (name: PackageName) => boolean,
  isNoted: ServingRoutesDeps["isNoted"],
): ReadyAnswers {
  const targets = createByteCache<Target>({ maxBytes: 4 * 1024 * 1024, sizeOf: () => 400 });

  function targetOf(path: string): Target {
    let target = targets.get(path);
    if (target === undefined) targets.set(path, (target = readTarget(path)));
    return target;
  }

  return (request, { base, path }) => {
    const { headers } = request;
    if (path === undefined || hasCondition(headers)) return undefined;
    const target = targetOf(path);
    if (target.kind === "other" || !isOpen(target.name)) return undefined;
    if (target.kind === "tarball") return readyTarball(target);
    return readyDocument(target.name, base, headers);
  };

  function readyTarball({
    name,
    version,
  }: {
    readonly name: PackageName;
    readonly version: Version;
  }): ReadyAnswer | undefined {
    const tarball = serving.tarballs.hot(name, version);
    if (tarball?.bytes === undefined || !isNoted(name, version)) return undefined;
    return { route: "/:name/-/:file", status: 200, head: answers.tarballHead(tarball), bytes: tarball.bytes };
  }

  function readyDocument(
    name: PackageName,
    base: string,
    headers: IncomingMessage["headers"],
  ): ReadyAnswer | undefined {
    const { accept, "accept-encoding": acceptEncoding } = headers;
    if (wantsHtml(accept)) return undefined;
    const form = packumentForm(accept);
    const encoding = contentEncoding(typeof acceptEncoding === "string" ? acceptEncoding : undefined);
    const document = serving.documents.hot({ name, base, form, encoding });
    if (document === undefined) return undefined;
    return {
      route: "/:name",
      status: 200,
      head: answers.documentHead(document, form, encoding),
      bytes: document.bytes,
    };
  }
}

function hasCondition(headers: IncomingMessage["headers"]): boolean {
  return (
    headers["if-none-match"] !== undefined || headers["if-modified-since"] !== undefined || headers.range !== undefined
  );
}

/** What a canonical path names: one segment is a package, `<package>/-/<file>` a tarball. */
function readTarget(path: string): Target {
  const [, name = "", dash, file, ...rest] = path.split("/");
  if (name === "" || name === "-" || rest.length > 0) return { kind: "other" };
  try {
    const parsed = parsePackageName(decodeURIComponent(name));
    if (dash === undefined) return { kind: "document", name: parsed };
    if (dash !== "-" || file === undefined) return { kind: "other" };
    return { kind: "tarball", name: parsed, version: versionOfFile(parsed, decodeURIComponent(file)) };
  } catch {
    // The route says what is wrong with it.
    return { kind: "other" };
  }
}
