import type { Integrity, PackageName, Version } from "@assay/core";
import type { Readable } from "node:stream";
import type { ApprovalHandler, Principal } from "../../identity/identity.ts";
import type { Writer } from "../writer.ts";

/** A version that waits for a person to approve it: everything but its publishing is done. */
export interface Stage {
  /** A UUID. */
  readonly id: string;
  readonly name: PackageName;
  readonly version: Version;
  readonly tags: readonly string[];
  /** What a new package will be; of one that is there, what it is. */
  readonly visibility: "public" | "restricted";
  readonly integrity: Integrity;
  /** SHA-1, lower-case hex. */
  readonly shasum: string;
  readonly sizeBytes: number;
  readonly actor: Pick<Principal, "id" | "name" | "kind">;
  /** Of the client that sent it. */
  readonly address: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** Who decides on a stage, and how it shows that it is there. */
export interface Decider {
  readonly principal: Principal;
  /** Returns when the person has just proven to be there for this very decision; else throws what tells the client where to. */
  readonly confirm: (
    operation: { readonly what: string; readonly exactly: string },
    name: PackageName,
  ) => Promise<void>;
}

export interface Staged {
  readonly id: string;
  /** To be told to who staged it. */
  readonly notice: string | undefined;
}

/**
 * Staged publishing, as `npm stage`, `pnpm stage` and `yarn npm stage` speak it. A stage passes every step of a publish
 * when it comes in, and has its number from then on. Who may not see one hears NOT_FOUND, whatever it asks.
 */
export interface Staging {
  /**
   * Stages the one version that a body brings. No second factor is asked for: whoever approves gives it.
   * The same again by the same principal is answered as before. Throws as `Publishing.put` does.
   */
  put(writer: Pick<Writer, "principal" | "renew">, name: PackageName, body: AsyncIterable<Uint8Array>): Promise<Staged>;

  /** Those that the principal may see, the newest first. `page` counts from 0. */
  list(
    principal: Principal,
    page: { readonly name?: PackageName | undefined; readonly page: number; readonly perPage: number },
  ): Promise<{ readonly stages: readonly Stage[]; readonly total: number }>;

  find(principal: Principal, id: string): Promise<Stage>;

  /** Its tarball. */
  open(principal: Principal, id: string): Promise<{ readonly sizeBytes: number; readonly stream: Readable }>;

  /** Whether the principal may decide on it. */
  mayDecide(principal: Principal, stage: Stage): Promise<{ readonly approve: boolean; readonly reject: boolean }>;

  /**
   * Publishes it, and answers once a signed checkpoint covers the bind. A crash leaves the stage or the version, never
   * both, never neither. Where a rule asks for several people it is one vote: CONFLICT says that it is kept and more are
   * needed. Throws FORBIDDEN, CONFLICT when somebody else has just decided, what `confirm` throws, and
   * what a publish throws by the rules of today.
   */
  approve(decider: Decider, id: string): Promise<Stage>;

  /** Drops it; its number is free again. Whoever staged it may too. Throws as `approve` does. */
  reject(decider: Decider, id: string, reason?: string): Promise<Stage>;

  /** Carries out what people approved together. */
  readonly approvalHandler: ApprovalHandler;

  /** What approving would publish, held against the version before. Reads both archives. */
  review(principal: Principal, id: string): Promise<Review>;

  /** Drops what nobody decided on in time; until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** What a person looks at before approving. */
export interface Review {
  readonly stage: Stage;
  /** What it is compared with: the greatest version below it, else what `latest` says. Undefined: there is none. */
  readonly before: Version | undefined;
  readonly unpackedBytes: number;
  readonly files: readonly FileChange[];
  readonly scripts: readonly TextChange[];
  readonly dependencies: readonly (TextChange & { readonly kind: string })[];
  /** Of the other members of the manifest. */
  readonly members: readonly TextChange[];
  /** A native build runs at installation (`binding.gyp`). */
  readonly hasGypFile: boolean;
  readonly provenance: boolean;
  /** Where a rule asks several people: user names of who approved. */
  readonly together:
    | { readonly needed: number; readonly approvers: readonly string[]; readonly expiresAtMs: number }
    | undefined;
}

export type Change = "added" | "removed" | "changed" | "same";

export interface FileChange {
  readonly path: string;
  readonly change: Change;
  readonly sizeBytes: number;
  /** Of the file in the version before. */
  readonly beforeBytes: number | undefined;
  readonly executable: boolean;
}

/** A member of a manifest by its name: text, or JSON. */
export interface TextChange {
  readonly name: string;
  readonly change: Change;
  readonly before: string | undefined;
  readonly after: string | undefined;
}
