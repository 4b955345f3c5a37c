import { text } from "node:stream/consumers";
import {
  AssayError,
  parsePackageName,
  isAssayError,
  tarballFileName,
  type NamePattern,
  type PackageName,
} from "@assay/core";
import { NetworkError, type UpstreamClient, type UpstreamResponse } from "../../platform/network/network.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import { parseDocument } from "../publish/parse-document.ts";
import { readPackage } from "./read-package.ts";
import type { ImportSource } from "./source.ts";
import { isCovered } from "./verdaccio-storage.ts";

export interface RegistryAt {
  /** Base URL without a trailing slash; its host names it to people. */
  readonly url: string;
  /** Reaches it, with its credentials. */
  readonly client: UpstreamClient;
  /** Whether there are any. */
  readonly isKnown: boolean;
  readonly limits: { readonly packumentBytes: number; readonly tarballBytes: number };
}

/** Of a search; what npm's registry gives at most. */
const pageSize = 250;
/** A search that goes on longer than this gives the same again and again. */
const mostPages = 1000;
const longestName = 214;

/** Any registry that speaks npm's protocol, asked over the network. */
export function createRegistrySource({ url, client, isKnown, limits }: RegistryAt): ImportSource {
  const { host, origin } = new URL(url);

  async function get(target: string, accept = "application/json"): Promise<UpstreamResponse> {
    const response = await client.request(target, {
      headers: { accept },
      decode: true,
      maxBytes: limits.packumentBytes,
    });
    if (response.status !== 401 && response.status !== 403) return response;
    response.body.destroy();
    throw new AssayError("UNAUTHORIZED", {
      reason: `${host} answers ${response.status}; give a token that may read there, with --token-file or in npm's configuration`,
    });
  }

  /** Undefined when it has no such page. */
  async function document(target: string, what: string): Promise<JsonObject | undefined> {
    const response = await get(target);
    if (response.status !== 200) {
      response.body.destroy();
      if (response.status === 404 || response.status === 405) return undefined;
      throw new AssayError("UPSTREAM_BAD_ANSWER", {
        source: host,
        reason: `it answers ${response.status} for ${what}`,
      });
    }
    return parseDocument(await text(response.body), `the answer of ${host} for ${what}`);
  }

  /** Names that its search finds for a text; undefined where it has no search. */
  async function searched(words: string): Promise<readonly PackageName[] | undefined> {
    const names = new Set<PackageName>();
    for (let page = 0; page < mostPages; page++) {
      const query = new URLSearchParams({ text: words, size: String(pageSize), from: String(page * pageSize) });
      const found = await document(`/-/v1/search?${query.toString()}`, "a search");
      if (found === undefined) return page === 0 ? undefined : [...names];
      const objects = Array.isArray(found["objects"]) ? (found["objects"] as readonly unknown[]) : [];
      const before = names.size;
      for (const object of objects) {
        const listed = isJsonObject(object) ? object["package"] : undefined;
        if (isJsonObject(listed)) for (const name of nameOf(listed["name"])) names.add(name);
      }
      if (objects.length < pageSize || names.size === before) break;
    }
    return [...names];
  }

  /** Names that the registry lists in ways of its own. */
  async function listed(target: string): Promise<readonly PackageName[] | undefined> {
    const found = await document(target, "the list of its packages").catch((error: unknown) => {
      if (isAssayError(error) || error instanceof NetworkError) return undefined;
      throw error;
    });
    return found === undefined ? undefined : Object.keys(found).flatMap(nameOf);
  }

  async function covered(pattern: NamePattern): Promise<readonly PackageName[]> {
    if (!pattern.endsWith("*")) return [pattern as string as PackageName];
    const stem = pattern.slice(0, -1);
    const scope = /^@([^/]+)\/$/.exec(stem)?.[1];
    const lists = [
      await searched(scope === undefined ? stem : `@${scope}`),
      ...(scope === undefined ? [] : [await listed(`/-/org/${encodeURIComponent(scope)}/package`)]),
    ];
    const find = (from: readonly (readonly PackageName[] | undefined)[]): readonly PackageName[] =>
      from.flatMap((names) => names ?? []).filter((name) => isCovered([pattern], name));
    const names = find(lists);
    // Of older registries: everything at once.
    const found = names.length > 0 ? names : find([await listed("/-/all")]);
    if (found.length > 0) return found;
    throw new AssayError("USAGE", {
      reason: `${host} lists no package ${pattern} ${isKnown ? "to who has this token" : "to who shows no token"}; give one that may read them (--token-file), or name them one by one`,
    });
  }

  return {
    label: url,

    async names(patterns) {
      if (patterns.length === 0)
        throw new AssayError("USAGE", { reason: 'Say which packages with --names, such as --names "@acme/*".' });
      const names = new Set<PackageName>();
      for (const pattern of patterns) for (const name of await covered(pattern)) names.add(name);
      return [...names].sort();
    },

    async read(name) {
      const found = await document(`/${name.replace("/", "%2f")}`, name);
      if (found === undefined) throw new AssayError("NOT_FOUND", { what: `${name} at ${host}` });
      return readPackage(name, found);
    },

    async attestations(name, { version, isAttested }) {
      if (!isAttested) return [];
      const target = `/-/npm/v1/attestations/${name.replace("/", "%2f")}@${version}`;
      const found = await document(target, `the attestations of ${name}@${version}`);
      const all = Array.isArray(found?.["attestations"]) ? (found["attestations"] as readonly unknown[]) : [];
      return all.flatMap((one) => (isJsonObject(one) && isJsonObject(one["bundle"]) ? [one["bundle"]] : []));
    },

    async tarball(name, version) {
      // Behind a proxy a registry may list addresses that only it knows, or another scheme: it is asked where it is reached.
      const usual = `/${name}/-/${tarballFileName(name, version.version)}`;
      const listed =
        version.tarball !== undefined && URL.canParse(version.tarball) ? new URL(version.tarball) : undefined;
      const isOwn = listed?.host === host;
      const response = await client.request(isOwn ? `${origin}${listed.pathname}${listed.search}` : usual, {
        decode: false,
        maxBytes: limits.tarballBytes,
      });
      if (response.status === 200) return response.body as AsyncIterable<Uint8Array>;
      response.body.destroy();
      const what = `The tarball of ${name}@${version.version} at ${host} (it answers ${response.status})`;
      throw new AssayError("NOT_FOUND", { what });
    },
  };
}

function nameOf(value: unknown): readonly PackageName[] {
  if (typeof value !== "string" || value.length > longestName) return [];
  try {
    return [parsePackageName(value)];
  } catch (error) {
    if (isAssayError(error, "BAD_NAME")) return [];
    throw error;
  }
}
