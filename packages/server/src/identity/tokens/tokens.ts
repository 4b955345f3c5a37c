import { timingSafeEqual } from "node:crypto";
import type { EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import { actBy, idOf, writeBy, type By } from "../doer.ts";
import type { Random } from "../../platform/random.ts";
import type { TokenBounds } from "./narrow.ts";
import type { TokenCache } from "./token-cache.ts";
import { deleteOldTokens, insertToken, readByHash, readByHolder, revokeAllOf, revokeToken } from "./store.ts";
import type { StandingToken, Token, WhichTokens } from "./store.ts";
import { drawToken, hashToken, isToken, redactToken } from "./token-text.ts";

export type { StandingToken, Token } from "./store.ts";

export interface NewToken extends TokenBounds {
  /** Id of the principal: `person:ada`, `bot:renovate`, `ci:…`. */
  readonly holder: string;
  /** As clients are shown the holder. */
  readonly holderName: string;
  readonly origin: Token["origin"];
  readonly name: string;
  readonly description?: string | undefined;
}

/** A token that was just drawn: the only moment at which it can be shown. */
export interface DrawnToken {
  readonly secret: string;
  readonly token: Token;
  /** Makes it good, in a transaction of the caller's. */
  readonly store: (transaction: Transaction) => Promise<void>;
}

/**
 * Tokens of people, bots and CI. `by` is the principal who acts, for the events; all of a holder's are revoked in the
 * transaction that it brings.
 */
export interface Tokens {
  /** Draws one; it is good once it is stored. The caller has checked its bounds. */
  draw(by: By, token: NewToken): DrawnToken;
  /** Draws and stores. */
  issue(by: By, token: NewToken): Promise<DrawnToken>;
  /** What is known of a token that somebody shows; undefined for what is none, or unknown. Revoked ones are found. */
  find(secret: string): Promise<StandingToken | undefined>;
  /** Of a holder, neither revoked nor over; the newest first. */
  list(holder: string): Promise<readonly Token[]>;
  /** False when there was nothing to revoke. From the answer on this process refuses it; others within 3 s. */
  revoke(by: By, token: Token): Promise<boolean>;
  /** All of a holder; answers how many. */
  revokeAll(by: By, holder: string): Promise<number>;
  /** Those by which clients of a person are signed in, but for one; answers how many. */
  revokeLogins(by: By, holder: string, exceptKey: string | undefined): Promise<number>;
  /** Forgets what is over for more than 30 days. */
  tidy(): Promise<void>;
}

export interface TokensDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly cache: TokenCache;
}

const rememberedMs = 30 * 24 * 3_600_000;

export function createTokens({ database, events, clock, random, cache }: TokensDeps): Tokens {
  async function revokeMany(by: By, holder: string, which: WhichTokens): Promise<number> {
    const nowMs = clock.now();
    const count = await writeBy(database, by, async (transaction) => {
      transaction.afterCommit(() => cache.clear());
      const revoked = await revokeAllOf(transaction, holder, nowMs, which);
      if (revoked > 0)
        await events.record(transaction, {
          kind: "token.all-revoked",
          subject: holder,
          data: { by: idOf(by), count: revoked, origin: which.origin ?? null },
          act: actBy(by),
        });
      return revoked;
    });
    cache.clear();
    return count;
  }

  const tokens: Tokens = {
    draw(by, wanted) {
      const secret = drawToken(random);
      const token: Token = {
        key: Buffer.from(random.bytes(16)).toString("hex"),
        redacted: redactToken(secret),
        holder: wanted.holder,
        holderName: wanted.holderName,
        origin: wanted.origin,
        name: wanted.name,
        description: wanted.description,
        level: wanted.level,
        packages: wanted.packages,
        organisations: wanted.organisations,
        cidrs: wanted.cidrs,
        createdAtMs: clock.now(),
        expiresAtMs: wanted.expiresAtMs,
        usedAtMs: undefined,
        usedFrom: undefined,
      };
      return {
        secret,
        token,
        async store(transaction) {
          await insertToken(transaction, token, hashToken(secret));
          await events.record(transaction, {
            kind: "token.created",
            subject: token.holder,
            data: {
              by: idOf(by),
              token: token.key,
              origin: token.origin,
              level: token.level,
              expiresAtMs: expiry(token),
            },
            act: actBy(by),
          });
        },
      };
    },
    async issue(by, wanted) {
      const drawn = tokens.draw(by, wanted);
      await database.write(drawn.store);
      return drawn;
    },
    async find(secret) {
      if (!isToken(secret)) return undefined;
      const shown = hashToken(secret);
      const known = await cache.get(shown);
      // The index found it by its hash; that it is the same is not left to an index.
      return known !== undefined && timingSafeEqual(Buffer.from(known.hash, "hex"), Buffer.from(shown, "hex"))
        ? known
        : undefined;
    },
    list: (holder) => readByHolder(database.read, holder, clock.now()),
    async revoke(by, { key, holder }) {
      const nowMs = clock.now();
      const done = await database.write(async (transaction) => {
        if (!(await revokeToken(transaction, key, nowMs))) return false;
        await events.record(transaction, {
          kind: "token.revoked",
          subject: holder,
          data: { by: idOf(by), token: key },
          act: actBy(by),
        });
        return true;
      });
      cache.clear();
      return done;
    },
    revokeAll: (by, holder) => revokeMany(by, holder, {}),
    revokeLogins: (by, holder, exceptKey) => revokeMany(by, holder, { origin: "login", exceptKey }),
    async tidy() {
      const beforeMs = clock.now() - rememberedMs;
      await database.write((transaction) => deleteOldTokens(transaction, beforeMs));
    },
  };
  return tokens;
}

/** What to look a hash up with. */
export function tokenReader(database: Database): (hash: string) => Promise<StandingToken | undefined> {
  return (hash) => readByHash(database.read, hash);
}

/** Undefined while the token is good from this address; else why not, as the rest of a sentence. */
export function hindranceOf(
  { token, isRevoked, account }: StandingToken,
  nowMs: EpochMs,
  isIn: (blocks: readonly string[]) => boolean,
): string | undefined {
  if (isRevoked) return "the token was revoked";
  if (token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs) return "the token has expired";
  if (account?.isActive === false) return "the account of the token is disabled";
  if (token.cidrs !== undefined && !isIn(token.cidrs)) return "the token is not good from this address";
  return undefined;
}

function expiry({ expiresAtMs }: Token): number | null {
  return expiresAtMs ?? null;
}
