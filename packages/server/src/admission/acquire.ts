import { AssayError, type ErrorCode, type PackageName, type Version } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import { NetworkError } from "../platform/network/network.ts";
import {
  networkFailure,
  worstOf,
  type ListedVersion,
  type SourceChoice,
  type TarballError,
  type TarballOffer,
  type TarballOffers,
  type Upstreams,
} from "../upstreams/upstreams.ts";
import { basisText, compareBytes } from "./compare.ts";
import { download, type Download, type DownloadDeps } from "./download.ts";
import type { Basis } from "./locate.ts";
import type { Remembered } from "./remembered.ts";
import type { WrongBytes } from "./wrong-bytes.ts";

export interface AcquireDeps extends DownloadDeps {
  readonly upstreams: Pick<Upstreams, "tarballs">;
  readonly clock: Clock;
  /** Wrong bytes of a moment ago, by version and source: such a source is not asked. */
  readonly lies: Remembered<TarballError>;
  /** Keeps evidence, puts the source aside, tells: before the next source is asked. */
  readonly onWrong: (wrong: Observed, download: Download) => Promise<WrongBytes>;
}

export interface Wanted {
  readonly name: PackageName;
  readonly version: Version;
  readonly listed: ListedVersion | undefined;
  /** What the bytes must be. */
  readonly basis: Basis;
  readonly choice?: SourceChoice | undefined;
}

/** What a source served instead. */
export interface Observed {
  readonly name: PackageName;
  readonly version: Version;
  readonly source: string;
  /** Why these are not the bytes. */
  readonly reason: string;
}

export interface Acquired {
  readonly bytes: Download;
  /** Alias of the source that served them. */
  readonly source: string;
  /** Sources that served something else before. */
  readonly wrong: readonly WrongBytes[];
  /** Other sources that served the same bytes. */
  readonly confirmed: readonly string[];
}

/** All sources together take no longer than this; the network's own limits catch silence much sooner. */
const deadlineMs = 15 * 60_000;

/**
 * Second and third step: the bytes of a version, hashed while they come in and compared with what they must be, from
 * the first source that has them. A source that is down, slow, without them, broken off or wrong makes room for the
 * next one; who asked notices nothing. Nothing is stored but evidence; a crash leaves what `download` leaves.
 *
 * When nobody is left: UPSTREAM_UNAVAILABLE when somebody may have them later, else UPSTREAM_WRONG_BYTES,
 * UPSTREAM_BAD_ANSWER or NOT_FOUND. NOT_READY when too much is being downloaded at once.
 */
export async function acquire(deps: AcquireDeps, wanted: Wanted): Promise<Acquired> {
  const { name, version, listed, basis } = wanted;
  const subject = basisText(basis);
  const remembered: TarballError[] = [];
  return await withinDeadline(deps.clock, async (signal) => {
    using offers = await deps.upstreams.tarballs({
      name,
      version,
      listed,
      isOwnerOnly: basis.kind === "none",
      choice: wanted.choice,
      skip(source) {
        const earlier = deps.lies.find(`${name}@${version} ${source}`, subject);
        if (earlier !== undefined) remembered.push(again(earlier));
        return earlier !== undefined;
      },
      signal,
    });
    const acquired = await firstRight(deps, wanted, offers);
    if (acquired !== undefined) return acquired;
    throw worstOf([...offers.failures, ...remembered]) ?? new AssayError("NOT_FOUND", { what: `${name}@${version}` });
  });
}

/** Ends what `work` still waits for when all sources together took too long. */
export async function withinDeadline<T>(clock: Clock, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  void clock.sleep(deadlineMs, ended.signal).then(
    () => ended.abort(new NetworkError("timeout", "the download took too long")),
    () => undefined,
  );
  try {
    return await work(ended.signal);
  } finally {
    ended.abort();
  }
}

async function firstRight(deps: AcquireDeps, wanted: Wanted, offers: TarballOffers): Promise<Acquired | undefined> {
  const wrong: WrongBytes[] = [];
  for (;;) {
    const offer = await offers.next();
    if (offer === undefined) return undefined;
    const bytes = await take(deps, offer, offers);
    if (bytes === undefined) continue;
    const reason = compareBytes(wanted.basis, bytes);
    if (reason === undefined) {
      offers.settle(offer, undefined);
      return { bytes, source: offer.source, wrong, confirmed: [] };
    }
    await using _discarded = bytes;
    const observed = { name: wanted.name, version: wanted.version, source: offer.source, reason };
    const failure = new AssayError("UPSTREAM_WRONG_BYTES", observed);
    offers.settle(offer, failure);
    deps.lies.add(`${wanted.name}@${wanted.version} ${offer.source}`, basisText(wanted.basis), failure);
    wrong.push(await deps.onWrong(observed, bytes));
  }
}

/** The whole download; undefined when the source did not deliver it. */
export async function take(
  deps: DownloadDeps,
  offer: TarballOffer,
  offers: TarballOffers,
): Promise<Download | undefined> {
  try {
    return await download(deps, offer);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    offers.settle(offer, networkFailure(offer.source, error));
    return undefined;
  }
}

/** A remembered refusal for another caller, with a stack of its own. */
export function again<Code extends ErrorCode>(error: AssayError<Code>): AssayError<Code> {
  return new AssayError(error.code, error.details, { cause: error });
}
