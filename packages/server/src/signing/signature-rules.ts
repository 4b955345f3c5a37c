import type { RegistryKey, SignedRelease } from "@assay/core";
import type { KeyRing } from "./key-ring.ts";
import { ownOwner } from "./store.ts";
import { verifyRegistrySignatureSync } from "./verify-registry-signature.ts";

/** What a version's signatures are judged by. */
export interface SignatureContext {
  readonly ring: KeyRing;
  /** Alias of the registry that owns the name. */
  readonly owner: string;
  /** `signatures` of that registry's configuration. */
  readonly policy: "require" | "prefer" | "ignore";
  /** Aliases of all configured registries. */
  readonly registries: readonly string[];
  /** keyids of the keys that the configuration pins for the owner: no other counts. Undefined: none are pinned. */
  readonly pinned: ReadonlySet<string> | undefined;
}

export interface SignatureRefusal {
  readonly rule:
    | "signature/missing"
    | "signature/unknown-key"
    | "signature/invalid"
    | "signature/expired"
    | "signature/foreign";
  /** Completes "…, because": no full stop. */
  readonly reason: string;
}

export type SignatureJudgement =
  | { readonly verdict: "accept"; /** keyid of the first good one by the owner, or `-`. */ readonly signer: string }
  | ({ readonly verdict: "refuse" } & SignatureRefusal);

/** Most signatures of one version that are looked at; more are refused. */
export const mostSignatures = 16;

/**
 * The registry, other than the owner, whose key this is; undefined when it is the owner's, ours, or nobody's. Clients
 * look keys up by their keyid alone, whoever owns the name, so such a signature would pass for the owner's.
 */
export function foreignOwner(
  { ring, owner, registries }: Pick<SignatureContext, "ring" | "owner" | "registries">,
  keyid: string,
): string | undefined {
  const owners = ring.ownersOf(keyid);
  if (owners.includes(owner) || owners.includes(ownOwner)) return undefined;
  return owners.find((each) => registries.includes(each));
}

/**
 * What the keyids of a listed version alone say against it: the same that `judgeSignatures` says, but for what takes
 * cryptography. Pure.
 */
export function refuseKeyids(
  context: SignatureContext,
  keyids: readonly string[],
  publishedMs: number | undefined,
): SignatureRefusal | undefined {
  const { owner, policy } = context;
  for (const keyid of keyids) {
    const other = foreignOwner(context, keyid);
    if (other !== undefined) return foreign(keyid, other);
  }
  if (policy === "ignore") return undefined;
  const known = keyids.map((keyid) => findKey(context, keyid)).filter((key) => key !== undefined);
  const ended = known.find(({ expiresMs }) => (publishedMs ?? 0) >= (expiresMs ?? Number.POSITIVE_INFINITY));
  if (ended !== undefined) return expired(ended);
  if (policy !== "require" || known.some(({ keyid }) => ownersKey(context, keyid) !== undefined)) return undefined;
  return keyids.length === 0 ? missing(owner) : unknown(owner);
}

/**
 * Judges `dist.signatures` of a version against the bytes that it has. Every listed signature counts, as it does for
 * npm: one by a known key must be good, whatever stands beside it. Those by keys that nobody here knows decide nothing.
 * Pure.
 */
export function judgeSignatures(
  context: SignatureContext,
  release: SignedRelease,
  signatures: unknown,
  publishedMs: number | undefined,
): SignatureJudgement {
  const listed: readonly unknown[] = Array.isArray(signatures) ? signatures : [];
  const looked = listed.slice(0, mostSignatures).map((entry) => Object(entry) as Record<string, unknown>);
  const keyids = looked.map(({ keyid }) => (typeof keyid === "string" ? keyid : ""));
  const refusal = refuseKeyids(context, keyids, publishedMs);
  if (refusal !== undefined) return { verdict: "refuse", ...refusal };
  if (context.policy === "ignore") return { verdict: "accept", signer: "-" };
  if (listed.length > mostSignatures) return invalid(`it lists more than ${mostSignatures} signatures`);
  let signer = "-";
  for (const { keyid, sig } of looked) {
    if (typeof keyid !== "string" || typeof sig !== "string")
      return invalid("an entry of dist.signatures has no keyid or no sig");
    const key = findKey(context, keyid);
    if (key === undefined) continue;
    const verdict = verifyRegistrySignatureSync(release, { keyid, sig }, key, publishedMs);
    if (verdict !== "good") return invalid(`its signature by the key ${show(keyid)} does not verify`);
    if (signer === "-" && ownersKey(context, keyid) !== undefined) signer = keyid;
  }
  return { verdict: "accept", signer };
}

/** The owner's key of this keyid, else ours: a registry that reads from us may hand our signature on. */
function findKey(context: SignatureContext, keyid: string): RegistryKey | undefined {
  return ownersKey(context, keyid) ?? context.ring.find(ownOwner, keyid);
}

function ownersKey({ ring, owner, pinned }: SignatureContext, keyid: string): RegistryKey | undefined {
  return pinned === undefined || pinned.has(keyid) ? ring.find(owner, keyid) : undefined;
}

function missing(owner: string): SignatureRefusal {
  return {
    rule: "signature/missing",
    reason: `it has no registry signature, and the policy for upstream ${owner} requires one`,
  };
}

function unknown(owner: string): SignatureRefusal {
  return {
    rule: "signature/unknown-key",
    reason: `none of its signatures is by a key of upstream ${owner}, and the policy requires one`,
  };
}

function expired({ keyid, expiresMs }: RegistryKey): SignatureRefusal {
  const end = expiresMs === undefined ? "" : ` (${new Date(expiresMs).toISOString()})`;
  return {
    rule: "signature/expired",
    reason: `it is signed with the key ${show(keyid)}, which had ended${end} when it was published`,
  };
}

function foreign(keyid: string, other: string): SignatureRefusal {
  return {
    rule: "signature/foreign",
    reason: `it is signed with the key ${show(keyid)} of upstream ${other}, which does not own its name`,
  };
}

function invalid(reason: string): SignatureJudgement {
  return { verdict: "refuse", rule: "signature/invalid", reason };
}

/** A keyid may be long: a sentence is one line. */
function show(keyid: string): string {
  return keyid.length <= 60 ? keyid : `${keyid.slice(0, 57)}...`;
}
