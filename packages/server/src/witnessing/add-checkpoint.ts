import { hash } from "node:crypto";
import { AssayError, cosign, formatSignature, parseAddCheckpoint, parseNote, parseVkey, toHex } from "@assay/core";
import type { AddCheckpoint, Cosigner, NoteVerifier, Sha256 } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Forks } from "./forks.ts";
import { judge } from "./judge.ts";
import type { SignedTree } from "./judge.ts";
import { openShown } from "./open-shown.ts";
import type { Pace } from "./pace.ts";
import { cosignedAt, logOf, swapCosigned } from "./store.ts";
import type { Cosigned, Shown } from "./store.ts";

const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

/** A log that is watched, ready to be checked. */
export interface WatchedKey {
  readonly origin: string;
  readonly vkey: string;
  readonly url: string | undefined;
  readonly verifier: NoteVerifier;
}

export interface AddCheckpointDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** At least one. */
  readonly cosigners: readonly Cosigner[];
  readonly logs: ReadonlyMap<string, WatchedKey>;
  readonly forks: Forks;
  readonly pace: Pace;
  /** Called between what was made durable and the answer; tests die there. */
  readonly crashPoint: () => void;
}

/** 200 with lines, or 409 with the size that was cosigned last. Everything else is an error. */
export type AddCheckpointAnswer =
  | { readonly status: 200; readonly lines: string; readonly cosigned: Cosigned }
  | { readonly status: 409; readonly size: number };

/** A repeat within this time gets what is stored: asking again costs no write. */
const freshSeconds = 10;

/**
 * One add-checkpoint request: parse → log → signature → judge → cosign → persist → answer
 * (c2sp.org/tlog-witness; docs/formats/witness-protocol.md has the table of answers).
 *
 * What was judged against is what is replaced, by compare-and-swap; when another request came first, this one is
 * judged again. A cosignature that was made for the loser is dropped, nobody has seen it. A crash after the write
 * leaves a checkpoint that is cosigned and that the log was not told of: it asks again with the old size, is told the
 * new one, and gets its cosignature.
 *
 * Throws BAD_FORMAT (400), FORBIDDEN (403), NOT_FOUND (404), WITNESS_REFUSED (422), TOO_MANY_REQUESTS (429).
 */
export async function addCheckpoint(deps: AddCheckpointDependencies, body: Uint8Array): Promise<AddCheckpointAnswer> {
  const request = parseAddCheckpoint(body);
  const asked = await openShown((origin) => deps.logs.get(origin), request.checkpoint);
  for (;;) {
    const answer = await decide(deps, request, asked);
    if (answer !== "overtaken") return answer;
  }
}

async function decide(
  deps: AddCheckpointDependencies,
  request: AddCheckpoint,
  { log, tree }: { readonly log: WatchedKey; readonly tree: SignedTree },
): Promise<AddCheckpointAnswer | "overtaken"> {
  const { database, forks, pace } = deps;
  const { origin } = log;
  const last = (await logOf(database.read, origin))?.last;
  const atSize = await cosignedAt(database.read, origin, tree.size);
  const { oldSize, proof } = request;
  const verdict = judge(
    sha256,
    { last: last && signedTree(origin, last), atSize: atSize && signedTree(origin, atSize) },
    { oldSize, proof, tree },
  );
  if ("fork" in verdict && verdict.fork !== undefined) await forks.keep(origin, verdict.fork);
  switch (verdict.outcome) {
    case "malformed":
      throw new AssayError("BAD_FORMAT", { what: "The request", reason: verdict.reason });
    case "conflict":
      return { status: 409, size: verdict.size };
    case "unproven":
      throw new AssayError("WITNESS_REFUSED", { reason: verdict.reason });
    case "cosign": {
      const now = Math.floor(deps.clock.now() / 1000);
      if (last?.size === tree.size && last.cosignedAt <= now && now - last.cosignedAt < freshSeconds)
        return { status: 200, lines: ownLines(deps.cosigners, last.note), cosigned: last };
      if (last?.size !== tree.size) pace.count(origin);
      return await persist(deps, tree, last);
    }
  }
}

async function persist(
  deps: AddCheckpointDependencies,
  tree: SignedTree,
  last: Cosigned | undefined,
): Promise<AddCheckpointAnswer | "overtaken"> {
  const { origin, size, root } = tree;
  // A clock that went back must not let a later statement look older than an earlier one.
  const seconds = Math.max(Math.floor(deps.clock.now() / 1000), last?.cosignedAt ?? 0);
  const { text } = parseNote(tree.note);
  const lines = (await Promise.all(deps.cosigners.map((key) => cosign(key, seconds, text)))).join("");
  const cosigned: Cosigned = { size, root, note: tree.note + lines, cosignedAt: seconds };
  if (!(await deps.database.write((transaction) => swapCosigned(transaction, origin, last, cosigned))))
    return "overtaken";
  deps.crashPoint();
  return { status: 200, lines, cosigned };
}

/** The lines of this witness on a note that it cosigned. */
function ownLines(cosigners: readonly Cosigner[], note: string): string {
  const own = new Set(cosigners.map(({ vkey }) => idOf(parseVkey(vkey))));
  return parseNote(note)
    .signatures.filter(({ name, keyIdHex }) => own.has(`${name}+${keyIdHex}`))
    .map(formatSignature)
    .join("");
}

function idOf({ name, keyId }: { readonly name: string; readonly keyId: Uint8Array }): string {
  return `${name}+${toHex(keyId)}`;
}

function signedTree(origin: string, { size, root, note }: Omit<Shown, "origin">): SignedTree {
  return { origin, size, root, note };
}
