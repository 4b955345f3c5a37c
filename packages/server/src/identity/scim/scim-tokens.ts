import { hash } from "node:crypto";
import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import { actBy, idOf, type By } from "../doer.ts";
import { deleteScimToken, insertScimToken, readScimToken, readScimTokens } from "./store-tokens.ts";

export interface ScimToken {
  /** Public. */
  readonly key: string;
  readonly name: string;
  readonly createdAtMs: number;
}

/** By which the identity provider shows itself. Good for nothing but SCIM, and nobody else's token is good for that. */
export interface ScimTokens {
  /** Answers it: the only moment at which it can be shown. Throws BAD_REQUEST for a name that may not be. */
  make(by: By, name: string): Promise<{ readonly secret: string; readonly key: string }>;
  list(): Promise<readonly ScimToken[]>;
  /** From the commit on no process takes it. Throws NOT_FOUND. */
  revoke(by: By, key: string): Promise<void>;
  /** The key of a token that somebody shows; undefined for what is none (any more). */
  find(secret: string): Promise<string | undefined>;
}

/** No person's token begins so. */
const prefix = "assay_scim_";

export function createScimTokens({
  database,
  events,
  clock,
  random,
}: {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}): ScimTokens {
  return {
    async make(by, name) {
      if (!/^[\x20-\x7e]{1,100}$/.test(name))
        throw new AssayError("BAD_REQUEST", { reason: "a token's name is 1 to 100 printable characters" });
      const secret = `${prefix}${Buffer.from(random.bytes(32)).toString("base64url")}`;
      const key = Buffer.from(random.bytes(8)).toString("hex");
      await database.write(async (transaction) => {
        await insertScimToken(transaction, { key, hash: hashOf(secret), name, created_at_ms: clock.now() });
        await events.record(transaction, {
          kind: "scim.token-made",
          subject: `scim:${key}`,
          data: { by: idOf(by), name },
          act: actBy(by),
        });
      });
      return { secret, key };
    },
    async list() {
      const rows = await readScimTokens(database.read);
      return rows.map(({ key, name, created_at_ms }) => ({ key, name, createdAtMs: created_at_ms }));
    },
    async revoke(by, key) {
      await database.write(async (transaction) => {
        if (!(await deleteScimToken(transaction, key)))
          throw new AssayError("NOT_FOUND", { what: `The SCIM token ${key}` });
        await events.record(transaction, {
          kind: "scim.token-revoked",
          subject: `scim:${key}`,
          data: { by: idOf(by) },
          act: actBy(by),
        });
      });
    },
    find: async (secret) =>
      /^assay_scim_[\w-]{43}$/.test(secret) ? (await readScimToken(database.read, hashOf(secret)))?.key : undefined,
  };
}

function hashOf(secret: string): string {
  return hash("sha256", secret, "hex");
}
