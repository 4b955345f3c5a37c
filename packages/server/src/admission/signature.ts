import { hash } from "node:crypto";
import { AssayError, type Integrity } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import { judgeSignatures, type SignatureContext } from "../signing/signing.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Located } from "./locate.ts";

export interface SignatureDeps {
  readonly upstreams: Pick<Upstreams, "keys" | "ownerOf">;
}

/**
 * Judges the listed registry signatures of a version against what its bytes are, by the keys and the policy of the
 * registry that owns its name (`signing/signature-rules.ts`). Answers the keyid of a good one, or `-`. A keyid that
 * nobody knows makes us ask the owner for its keys again. Nothing is stored.
 *
 * Throws BLOCKED with a rule `signature/…`; UPSTREAM_UNAVAILABLE when a signature is required and the owner's keys could
 * never be had.
 */
export async function verifySignatures(
  { upstreams }: SignatureDeps,
  { packument, listed, manifest }: Pick<Located, "packument" | "listed" | "manifest">,
  integrity: Integrity,
): Promise<string> {
  const { name } = packument;
  const { version, publishedMs } = listed;
  const owner = upstreams.ownerOf(name) ?? packument.source;
  const context = upstreams.keys.context(owner);
  const signatures = listedSignatures(manifest);
  const judge = () => judgeSignatures(context, { name, version, integrity }, signatures, publishedMs);

  // A key of another registry is known for foreign only when that registry's keys are.
  await upstreams.keys.ready();
  let judgement = judge();
  if (context.policy !== "ignore" && hasUnknownKey(context, listed.keyids)) {
    const state = await upstreams.keys.again(owner);
    if (state === "unreachable" && context.policy === "require")
      throw new AssayError("UPSTREAM_UNAVAILABLE", {
        source: owner,
        reason: "its signing keys cannot be had",
        retryAfterSeconds: 60,
      });
    judgement = judge();
  }
  if (judgement.verdict === "accept") return judgement.signer;
  const { rule, reason } = judgement;
  throw new AssayError("BLOCKED", { name, version, rule, reason });
}

/** A signature that is refused is an event: somebody may be passing other people's word for the owner's. */
export async function recordSignatureRefusal(
  { database, events }: { readonly database: Database; readonly events: Events },
  error: AssayError<"BLOCKED">,
  source: string,
): Promise<void> {
  const { name, version, rule, reason } = error.details;
  if (!rule.startsWith("signature/")) return;
  const event = {
    kind: "upstream.signature-refused",
    subject: `npm ${name}@${version}`,
    data: { source, rule, reason },
  } as const;
  await database.write((transaction) => events.record(transaction, event));
}

/** What a refused signature is about. */
export function signatureSubject({ manifest }: Pick<Located, "manifest">): string {
  return hash("sha256", JSON.stringify(listedSignatures(manifest)) ?? "");
}

/** `dist.signatures` of a manifest, whatever it is. */
function listedSignatures(manifest: unknown): unknown {
  const { dist } = Object(manifest) as { readonly dist?: unknown };
  return (Object(dist) as { readonly signatures?: unknown }).signatures;
}

function hasUnknownKey({ ring }: SignatureContext, keyids: readonly string[]): boolean {
  return keyids.some((keyid) => ring.ownersOf(keyid).length === 0);
}
