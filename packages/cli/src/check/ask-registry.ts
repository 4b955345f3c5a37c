import { isPlainObject } from "@assay/core";
import type { CliContext } from "../context.ts";
import { registryForPublish, registryHttp } from "../npm-registry.ts";

/** What a registry says about a version that is to be published there. */
export interface Asked {
  readonly registry: string;
  /** Why the number cannot be used. */
  readonly taken: string | undefined;
  /** Whether it is known to be free. */
  readonly isFree: boolean;
  readonly notes: readonly string[];
}

const patienceMs = 10_000;

/**
 * Asks where it would be published, with the credentials that npm has: whether the number is taken, and who one is
 * there. Where nobody answers, that is a note.
 */
export async function askRegistry(
  context: CliContext,
  { name, version, integrity }: { readonly name: string; readonly version: string; readonly integrity: string },
  { registry: given, manifest }: { readonly registry: string | undefined; readonly manifest: unknown },
): Promise<Asked | undefined> {
  const registry = await registryForPublish(context, { given, name, manifest });
  if (registry === undefined) return undefined;
  const http = await registryHttp(context, registry);
  const get = async (path: string) => {
    const response = await http.fetch(`${registry}${path}`, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(patienceMs),
    });
    const body: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
    return { status: response.status, body: isPlainObject(body) ? body : {} };
  };
  try {
    const who = await get("/-/whoami");
    const isKnown = who.status === 200 && typeof who.body["username"] === "string";
    const notes = isKnown ? [] : [`Nobody is signed in at ${registry}: npm login, or publish from CI.`];
    const { status, body } = await get(`/${name.replace("/", "%2f")}`);
    const versions = isPlainObject(body["versions"]) ? body["versions"] : {};
    const standing = Object.hasOwn(versions, version) ? versions[version] : undefined;
    if (isPlainObject(standing)) {
      const dist = isPlainObject(standing["dist"]) ? standing["dist"] : {};
      const same = dist["integrity"] === integrity ? ", with these very bytes" : ", with other bytes";
      return { registry, taken: `${name}@${version} is published at ${registry} already${same}`, isFree: false, notes };
    }
    // Who is not known there is told of no private package.
    const isFree = status === 200 || (status === 404 && isKnown);
    return { registry, taken: undefined, isFree, notes };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { registry, taken: undefined, isFree: false, notes: [`${registry} could not be asked: ${reason}.`] };
  }
}
