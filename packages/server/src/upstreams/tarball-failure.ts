import { AssayError, type PackageName, type Version } from "@assay/core";
import { type NetworkError, networkErrorPhrases } from "../platform/network/network.ts";

/** What went wrong on the way of one tarball from one source. */
export type TarballError = AssayError<
  "NOT_FOUND" | "UPSTREAM_UNAVAILABLE" | "UPSTREAM_BAD_ANSWER" | "UPSTREAM_WRONG_BYTES"
>;

/** A status other than 200. */
export function statusError(source: string, status: number, name: PackageName, version: Version): TarballError {
  const what = `The tarball of ${name}@${version}`;
  if (status === 404 || status === 410 || status === 451) return new AssayError("NOT_FOUND", { what });
  const reason = `status ${status} for a tarball`;
  return status === 408 || status === 429 || status >= 500
    ? new AssayError("UPSTREAM_UNAVAILABLE", { source, reason, retryAfterSeconds: 10 })
    : new AssayError("UPSTREAM_BAD_ANSWER", { source, reason });
}

/** A NetworkError in words for clients; it names no host. */
export function networkFailure(source: string, error: NetworkError): TarballError {
  const details = { source, reason: networkErrorPhrases[error.reason] };
  switch (error.reason) {
    case "too-large":
    case "forbidden-address":
    case "forbidden-host":
    case "redirects":
      return new AssayError("UPSTREAM_BAD_ANSWER", details, { cause: error });
    default:
      return new AssayError("UPSTREAM_UNAVAILABLE", { ...details, retryAfterSeconds: 10 }, { cause: error });
  }
}

/**
 * The failure to tell when no source delivered: what may pass before all, for an honest source may be back in a
 * moment; then wrong bytes; then what is wrong otherwise.
 */
export function worstOf(failures: readonly TarballError[]): TarballError | undefined {
  const order = ["UPSTREAM_UNAVAILABLE", "UPSTREAM_WRONG_BYTES", "UPSTREAM_BAD_ANSWER", "NOT_FOUND"];
  return failures.toSorted((a, b) => order.indexOf(a.code) - order.indexOf(b.code))[0];
}
