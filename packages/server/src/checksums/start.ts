import {
  AssayError,
  decodeEdge,
  edgeRoot,
  equalBytes,
  levelSize,
  openNote,
  openWitnessed,
  parseCheckpoint,
  tilesAt,
  tileWidth,
  verifier,
} from "@assay/core";
import type { TileCoordinates, WitnessPolicy } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { requireBeginning } from "./guard.ts";
import type { GuardFile } from "./guard.ts";
import type { PublishedHead, PublishedHeads } from "./published.ts";
import { cosignedOf } from "./store-cosigned.ts";
import { lastEntryIndex } from "./store.ts";
import { guardOf, headOf } from "./store-shards.ts";
import type { HeadRow, Shard, SignedTree } from "./store-shards.ts";
import { sha256 } from "./tile-rows.ts";
import type { Tiles, TreeView } from "./tiles.ts";

export interface StartDependencies {
  readonly database: Database;
  readonly tiles: Tiles;
  readonly guardFile: GuardFile;
  readonly signed: PublishedHeads;
  /** What readers see; the same object where no cosignature is needed. */
  readonly published: PublishedHeads;
  /** What a public checkpoint must meet. */
  readonly policy: WitnessPolicy;
  readonly telemetry: Telemetry;
  /** What other parties hold signatures over. Asked of shards that are sequenced; never rejects. */
  readonly seenElsewhere: SeenElsewhere;
}

/** A tree that another party (a witness, a mirror) holds this log's signature over. */
export interface SeenTree extends SignedTree {
  /** For messages: `the witness example.org/w1`. */
  readonly by: string;
}

export type SeenElsewhere = (shard: Pick<Shard, "origin" | "vkey">) => Promise<readonly SeenTree[]>;

/** Whether a shard is still signed: then it must hold what was signed before. */
export function isSequenced({ state }: Shard): boolean {
  return state === "open" || state === "closing" || state === "closed";
}

/** The stored state of a shard, found to agree with itself and with both copies of the guard. */
export interface VerifiedHead {
  readonly head: HeadRow;
  readonly view: TreeView;
  /** The guard's copy in the database, when the shard has signed and the copy outside the data folder is gone. */
  readonly lostGuard: SignedTree | undefined;
}

/**
 * The check of one shard before it is served and sequenced: head, edge, note, entries and both copies of the guard
 * agree. Reads little however large the log is.
 *
 * Throws LOG_GUARD when the state is behind what was signed or differs from it (a restored backup), DATABASE when
 * the rows contradict each other.
 */
export async function verifyHead(
  deps: Pick<StartDependencies, "database" | "tiles" | "guardFile" | "seenElsewhere">,
  shard: Shard,
): Promise<VerifiedHead> {
  const { tiles, guardFile, seenElsewhere } = deps;
  const { head, stored, inDatabase, inFile } = await readState(deps, shard);
  const edge = decodeEdge(head.edge);
  if (edge.size !== head.size) throw contradiction(shard, "its edge has another size than its head");
  if (!equalBytes(edgeRoot(sha256, edge), head.root))
    throw contradiction(shard, "its edge has another root than its head");
  if (head.note === undefined && head.size > 0) throw contradiction(shard, "its head is not signed");
  if (head.note !== undefined) await verifyNote(shard, head, head.note);
  if (stored !== head.assignedSize || head.assignedSize < head.size)
    throw contradiction(shard, `it has ${stored} entries, ${head.assignedSize} assigned and ${head.size} signed`);

  const view = { shard: shard.id, size: head.size, edge };
  // Older than what was signed, as its state says: it is never signed again.
  if (shard.state === "abandoned") return { head, view, lostGuard: undefined };
  const rootAt = (size: number) => tiles.rootAt(view, size);
  const copies = [
    { name: `the signing guard in ${guardFile.pathOf(shard.origin)}`, signed: inFile },
    { name: "the signing guard in the database", signed: inDatabase },
    { name: "the public checkpoint", signed: await cosignedOf(deps.database.read, shard.id) },
    ...(isSequenced(shard) ? await seenElsewhere(shard) : []).map((seen) => ({ name: seen.by, signed: seen })),
  ];
  for (const copy of copies) await requireBeginning(shard.id, copy, head.assignedSize, rootAt);
  if (head.note !== undefined && (inDatabase === undefined || inDatabase.size < head.size))
    throw contradiction(shard, "its signing guard in the database is behind its head");
  // Before the first signature is released there may be one copy and not yet the other.
  const isLost = inFile === undefined && head.note !== undefined;
  return { head, view, lostGuard: isLost ? inDatabase : undefined };
}

/** Times the state is read again because a sequencer moved it meanwhile: the doctor looks at a log that is in use. */
const mostReadings = 50;

interface StoredState {
  readonly head: HeadRow;
  /** One more than the highest index of an entry. */
  readonly stored: number;
  readonly inDatabase: SignedTree | undefined;
  readonly inFile: SignedTree | undefined;
}

/** What several reads find, as of one moment: the head did not move between the first and the last of them. */
async function readState(
  { database, guardFile }: Pick<StartDependencies, "database" | "guardFile">,
  shard: Shard,
): Promise<StoredState> {
  let head = await headOf(database.read, shard.id);
  for (let reading = 1; ; reading += 1) {
    if (head === undefined) throw contradiction(shard, "it has no head");
    const stored = ((await lastEntryIndex(database.read, shard.id)) ?? -1) + 1;
    const inDatabase = await guardOf(database.read, shard.id);
    const inFile = await guardFile.read(shard.origin);
    const now = await headOf(database.read, shard.id);
    if (now?.size === head.size && now.assignedSize === head.assignedSize) return { head, stored, inDatabase, inFile };
    if (reading === mostReadings)
      throw new AssayError("NOT_READY", {
        reason: `the log ${shard.id} grows too fast to be checked; try again`,
        retryAfterSeconds: 5,
      });
    head = now;
  }
}

/**
 * Checks a shard, repairs what can be made again (tiles that are missing, the guard's second copy) and publishes its
 * head to readers. Throws as `verifyHead`.
 */
export async function startShard(deps: StartDependencies, shard: Shard): Promise<void> {
  const { telemetry, guardFile } = deps;
  const { head, view, lostGuard } = await verifyHead(deps, shard);
  if (lostGuard !== undefined) {
    // Not a refusal: a machine that was replaced loses this folder. But it is the moment at which a restored
    // backup cannot be told from the newest state, so people must hear of it.
    telemetry.log.error(
      "the second copy of the signing guard is gone and is made again from the database; if this database was restored from a backup, stop now and put the newest one back",
      { "log.shard": shard.id, "log.size": lostGuard.size, "guard.path": guardFile.pathOf(shard.origin) },
    );
    await guardFile.raise(shard.origin, lostGuard);
  }
  const repaired = await repairTiles(deps.tiles, view);
  if (repaired > 0)
    telemetry.log.warn("missing tiles of the log were made again from its entries", {
      "log.shard": shard.id,
      "log.tiles.count": repaired,
    });
  await publishStored(deps, shard, head);
}

/** What a process shows of a shard from what is stored, whoever stored it. */
export type PublishDependencies = Pick<StartDependencies, "database" | "signed" | "published" | "policy" | "telemetry">;

/** Hands on the stored head, and shows readers what the witness policy allows. */
export async function publishStored(deps: PublishDependencies, shard: Shard, head: HeadRow): Promise<void> {
  const { published } = deps;
  if (head.note === undefined) return;
  const { size, root, note } = head;
  const edge = decodeEdge(head.edge);
  deps.signed.publish(shard.id, { size, root, edge, note });
  if (published === deps.signed) return;
  const cosigned = await cosignedHead(deps, shard);
  // A shard that ended before this log had witnesses stays public as it was.
  if (cosigned === undefined && !isSequenced(shard)) published.publish(shard.id, { size, root, edge, note });
  if (cosigned !== undefined && cosigned !== "unmet") published.publish(shard.id, cosigned);
}

/**
 * The stored checkpoint that met the witness policy, as long as it meets the one that is configured now: what is public
 * at the start, never what was signed alone behind it. That it is a beginning of this log was checked with the guards.
 */
async function cosignedHead(
  { database, policy, telemetry }: PublishDependencies,
  shard: Shard,
): Promise<PublishedHead | "unmet" | undefined> {
  const row = await cosignedOf(database.read, shard.id);
  if (row === undefined) return undefined;
  const { size, root, edge, note } = row;
  const { quorum } = await openWitnessed(note, { ...policy, logs: [{ vkey: shard.vkey, url: undefined }] });
  if (quorum.met) return { size, root, edge: decodeEdge(edge), note };
  telemetry.log.warn(
    "the public checkpoint does not meet the witness policy any more; nothing is public before a new one does",
    {
      "log.shard": shard.id,
      "log.size": size,
      "witnesses.quorum": quorum.reason,
    },
  );
  return "unmet";
}

async function verifyNote(shard: Shard, head: HeadRow, note: string): Promise<void> {
  const { text } = await openNote(note, [await verifier(shard.vkey)]);
  const checkpoint = parseCheckpoint(text);
  if (
    checkpoint.origin !== shard.origin ||
    checkpoint.size !== head.size ||
    !equalBytes(checkpoint.root, head.root) ||
    checkpoint.extensions.length > 0
  )
    throw contradiction(shard, "its signed checkpoint is not that of its head");
}

/** Looks at the first and the newest full tile of each level; when one is missing, at all of them. */
async function repairTiles(tiles: Tiles, view: TreeView): Promise<number> {
  const isMissing = async (tile: TileCoordinates) => !(await tiles.isStored(view.shard, tile));
  const probes = await Promise.all(probesOf(view.size).map(isMissing));
  if (!probes.includes(true)) return 0;
  let repaired = 0;
  for (const kind of ["hash", "entries"] as const)
    for (const tile of tilesAt(view.size, kind)) {
      if (tile.width < tileWidth || !(await isMissing(tile))) continue;
      await tiles.rebuild(view.shard, tile);
      repaired += 1;
    }
  return repaired;
}

function probesOf(size: number): TileCoordinates[] {
  const probes: TileCoordinates[] = [];
  for (let level = 0; levelSize(size, level) >= tileWidth; level += 1) {
    const newest = Math.floor(levelSize(size, level) / tileWidth) - 1;
    for (const index of new Set([0, newest])) {
      probes.push({ kind: "hash", level, index, width: tileWidth });
      if (level === 0) probes.push({ kind: "entries", level, index, width: tileWidth });
    }
  }
  return probes;
}

function contradiction(shard: Shard, reason: string): AssayError<"DATABASE"> {
  return new AssayError("DATABASE", { reason: `the log ${shard.id} contradicts itself: ${reason}` });
}
