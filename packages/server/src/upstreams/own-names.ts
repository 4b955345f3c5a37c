import { isAssayError, parsePackageName, type PackageName } from "@assay/core";
import { NetworkError, type UpstreamClient } from "../platform/network/network.ts";

/** The names that live here: no upstream owns them, nobody is asked about them, and none of them leaves. */
export interface OwnNames {
  has(name: PackageName): boolean;
  /** Resolves when `has` is young enough to send a name away. Rejects when it cannot be known. */
  current(): Promise<void>;
}

export const noOwnNames: OwnNames = { has: () => false, current: async () => {} };

/**
 * The last guard on the way out: a request whose path has a hosted name is not sent, whoever decided that it should be,
 * and none is sent while it cannot be known which names are hosted. Requests for names that nobody owned a moment ago
 * end here when a scope was made since.
 */
export function keepingOwnNames(own: OwnNames, client: UpstreamClient): UpstreamClient {
  if (own === noOwnNames) return client;
  return {
    async request(target, options) {
      try {
        await own.current();
      } catch (cause) {
        throw new NetworkError("aborted", "it cannot be known which names are hosted here", { cause });
      }
      const name = namesIn(target).find((each) => own.has(each));
      if (name !== undefined) throw new NetworkError("aborted", `${name} is hosted here and is asked of nobody`);
      return await client.request(target, options);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** What stands before `<name>@<version>`. */
const beforeSpecs: ReadonlySet<string> = new Set(["attestations", "lookup", "proof"]);

/** The packages that a path can be about: of documents, tarballs, attestations, lookups and proofs. Pure. */
export function namesIn(target: string): readonly PackageName[] {
  const isBelow = target.startsWith("/");
  const path = isBelow ? (target.split(/[?#]/, 1)[0] ?? "") : (URL.parse(target)?.pathname ?? "");
  const segments = path
    .split("/")
    .slice(1)
    .flatMap((segment) => decode(segment).split("/"));
  const dash = segments.indexOf("-");
  const texts: string[] = [];
  if (isBelow && dash !== 0) texts.push(nameAt(segments, 0));
  // An absolute target may lead below a folder: what stands right before `/-/` is the package.
  if (dash > 0) texts.push(nameAt(segments, segments[dash - 2]?.startsWith("@") === true ? dash - 2 : dash - 1));
  const spec = segments.findLastIndex((segment) => beforeSpecs.has(segment));
  if (spec >= 0) texts.push(nameAt(segments, spec + 1).replace(/(?<=.)@[^@]*$/, ""));
  return texts.flatMap((text) => read(text) ?? []);
}

/** One segment, or two for a scope and what follows it. */
function nameAt(segments: readonly string[], at: number): string {
  const first = segments[at] ?? "";
  return first.startsWith("@") ? `${first}/${segments[at + 1] ?? ""}` : first;
}

function read(text: string): PackageName | undefined {
  try {
    return parsePackageName(text);
  } catch (error) {
    if (isAssayError(error, "BAD_NAME")) return undefined;
    throw error;
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
