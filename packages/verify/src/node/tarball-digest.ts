import { createHash } from "node:crypto";
import { AssayError, integrityFromSha512, isAssayError } from "@assay/core";
import { sentenceOf } from "../http-request.ts";
import type { TarballEffects } from "../served.ts";
import { tarballPath } from "../tarball-path.ts";

const timeoutMs = 300_000;
/** No package is larger; an answer without an end must not fill the day. */
const maxTarballBytes = 1024 * 1024 * 1024;
const maxRefusalBytes = 65_536;

/** Hashes tarballs as they arrive, nothing is kept. `registry`: base URL, no trailing slash. */
export function createTarballEffects(deps: {
  readonly fetch: typeof fetch;
  readonly registry: string;
}): TarballEffects {
  return {
    async tarballDigest(name, version) {
      try {
        const url = `${deps.registry}${encodeURI(tarballPath(name, version))}`;
        const response = await deps.fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
        if (response.status !== 200) return { outcome: "refused", reason: await reasonOf(response) };
        return { outcome: "served", integrity: integrityFromSha512(await digestOf(response)) };
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        if (isAssayError(error)) return { outcome: "refused", reason: error.message };
        return { outcome: "refused", reason: cause instanceof Error ? cause.message : "the request failed" };
      }
    },
  };
}

async function digestOf(response: Response): Promise<Uint8Array> {
  const hash = createHash("sha512");
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxTarballBytes)
      throw new AssayError("BAD_FORMAT", { what: "The tarball", reason: `larger than ${maxTarballBytes} bytes` });
    hash.update(part);
  }
  return hash.digest();
}

async function reasonOf(response: Response): Promise<string> {
  const body = new Uint8Array(await response.arrayBuffer()).subarray(0, maxRefusalBytes);
  return sentenceOf({ status: response.status, headers: response.headers, body });
}
