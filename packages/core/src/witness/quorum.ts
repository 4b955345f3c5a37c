import { parseCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { AssayError, isAssayError } from "../errors.ts";
import { openNote } from "../note.ts";
import { verifier, type NoteVerifier } from "../note-verifier.ts";
import { parseVkey } from "../vkey.ts";
import { cosignatureTime } from "./cosignature.ts";
import type { PolicyGroup, PolicyLog, WitnessPolicy } from "./policy.ts";

/** Whether the quorum of a policy was reached. */
export interface QuorumVerdict {
  readonly met: boolean;
  /** Witnesses of the policy that could still help, in its order; none when the quorum is met. */
  readonly missing: readonly string[];
  /** One line for people: `needs 2 of a, b, c; cosigned by a`. */
  readonly reason: string;
}

/** A cosignature that was verified. */
export interface WitnessedBy {
  /** Name in the policy. */
  readonly witness: string;
  /** When, by the witness's clock: whole seconds since 1970. */
  readonly timeSeconds: number;
}

/** A checkpoint whose signatures by everybody in the policy were checked. */
export interface WitnessedCheckpoint extends Checkpoint {
  readonly log: PolicyLog;
  readonly cosignatures: readonly WitnessedBy[];
  /** Witnesses whose kind of key this runtime cannot check; they count as not having cosigned. */
  readonly unusable: readonly string[];
  readonly quorum: QuorumVerdict;
}

/** Whether these witnesses (by their names in the policy) are the quorum. Pure. Source: c2sp.org/tlog-policy. */
export function judgeQuorum(policy: WitnessPolicy, cosigned: ReadonlySet<string>): QuorumVerdict {
  const { quorum, groups, witnesses } = policy;
  if (quorum === "none") return { met: true, missing: [], reason: "no cosignature is needed" };
  const byName = new Map(groups.map((group) => [group.name, group]));
  // Groups only refer to earlier lines, so this ends.
  const witnessed = (name: string): boolean => {
    const group = byName.get(name);
    if (group === undefined) return cosigned.has(name);
    return group.members.filter(witnessed).length >= group.threshold;
  };
  const met = witnessed(quorum);
  const wanted = met ? new Set<string>() : wantedFor(quorum, byName, witnessed);
  const by = witnesses.filter(({ name }) => cosigned.has(name)).map(({ name }) => name);
  return {
    met,
    missing: witnesses.filter(({ name }) => wanted.has(name) && !cosigned.has(name)).map(({ name }) => name),
    reason: `needs ${describe(quorum, byName)}; cosigned by ${by.length === 0 ? "nobody" : by.join(", ")}`,
  };
}

/**
 * Checks the note of a checkpoint against a policy: the log's signature, every cosignature by a witness of the
 * policy, and the quorum. A quorum that is not met is a verdict, no error.
 *
 * Throws BAD_FORMAT when no log of the policy with this origin signed it, when a key of the policy has a bad
 * signature on it, and when it is malformed or has extension lines.
 */
export async function openWitnessed(note: Uint8Array | string, policy: WitnessPolicy): Promise<WitnessedCheckpoint> {
  const keys = await policyKeys(policy);
  const { text, verified } = await openNote(
    note,
    [...keys.logs, ...keys.witnesses].map(({ key }) => key),
  );
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.extensions.length > 0) throw refused("it has extension lines");
  const signedBy = new Map(verified.map((signature) => [idOf(signature), signature]));
  // A log that is known may not speak for another one: its key's name must be the origin.
  const log = keys.logs.find(({ key }) => signedBy.has(idOf(key)) && key.name === checkpoint.origin)?.log;
  if (log === undefined) throw refused(`no known log ${checkpoint.origin} signed it`);
  const cosignatures = keys.witnesses.flatMap(({ key, witness }): WitnessedBy[] => {
    const line = signedBy.get(idOf(key));
    const timeSeconds = line && cosignatureTime(line.signature);
    return timeSeconds === undefined ? [] : [{ witness, timeSeconds }];
  });
  const { origin, size, root } = checkpoint;
  return {
    origin,
    size,
    root,
    log,
    cosignatures,
    unusable: keys.unusable,
    quorum: judgeQuorum(policy, new Set(cosignatures.map(({ witness }) => witness))),
  };
}

interface PolicyKeys {
  readonly logs: readonly { readonly key: NoteVerifier; readonly log: PolicyLog }[];
  readonly witnesses: readonly { readonly key: NoteVerifier; readonly witness: string }[];
  readonly unusable: readonly string[];
}

async function policyKeys(policy: WitnessPolicy): Promise<PolicyKeys> {
  const logs = [];
  const witnesses = [];
  const unusable: string[] = [];
  for (const log of policy.logs) {
    const key = await usable(log.vkey);
    if (key !== undefined) logs.push({ key, log });
  }
  for (const { name, vkey } of policy.witnesses) {
    const key = await usable(vkey);
    if (key === undefined) unusable.push(name);
    else witnesses.push({ key, witness: name });
  }
  return { logs, witnesses, unusable };
}

/** The verifier of a key that parses; undefined where the runtime cannot use its kind. */
async function usable(vkey: string): Promise<NoteVerifier | undefined> {
  parseVkey(vkey);
  try {
    return await verifier(vkey);
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}

/** The witnesses below a name that could bring it nearer to being witnessed. */
function wantedFor(
  name: string,
  groups: ReadonlyMap<string, PolicyGroup>,
  witnessed: (name: string) => boolean,
): Set<string> {
  const group = groups.get(name);
  if (group === undefined) return new Set([name]);
  const open = group.members.filter((member) => !witnessed(member));
  return new Set(open.flatMap((member) => [...wantedFor(member, groups, witnessed)]));
}

function describe(name: string, groups: ReadonlyMap<string, PolicyGroup>): string {
  const group = groups.get(name);
  if (group === undefined) return name;
  const members = group.members.map((member) => (groups.has(member) ? `(${describe(member, groups)})` : member));
  return members.length === 1 ? members.join("") : `${group.threshold} of ${members.join(", ")}`;
}

function idOf(key: { readonly name: string; readonly keyIdHex: string }): string {
  return `${key.name}+${key.keyIdHex}`;
}

function refused(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A checkpoint", reason });
}
