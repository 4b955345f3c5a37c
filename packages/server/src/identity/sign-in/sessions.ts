import type { EpochMs } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Random } from "../../platform/random.ts";
import { digestOf, newId, newSecret } from "./secrets.ts";
import {
  deleteOldSessions,
  deleteSession,
  deleteSessionById,
  deleteSessionsOf,
  insertSession,
  readSession,
  readSessions,
  takeChallenge,
  touchSession,
  writeChallenge,
  type Session,
} from "./store-sessions.ts";
import { dropWebLoginsOf } from "./store-web-logins.ts";

export type { Session } from "./store-sessions.ts";

const minuteMs = 60_000;
/** Nobody used it this long: over. */
export const idleMs = 8 * 60 * minuteMs;
/** However much it is used. */
export const longestMs = 7 * 24 * 60 * minuteMs;
/** Between the password and the second factor. */
export const halfMs = 10 * minuteMs;
/** That it is used is written this often. */
const touchMs = minuteMs;

/** Where a session is begun. */
export interface SessionPlace {
  readonly address: string;
  readonly agent: string;
}

/** Sessions of browsers. The secret in the cookie is stored as its hash alone. */
export interface Sessions {
  /** A new session with a new secret, whatever the browser had before, which ends. */
  begin(
    account: string,
    how: {
      readonly isComplete: boolean;
      readonly steppedUp: boolean;
      readonly link?: string | undefined;
      /** What the browser's cookie held. */
      readonly before: string | undefined;
    },
    place: SessionPlace,
  ): Promise<{ readonly secret: string; readonly session: Session }>;
  /** The session of this secret, a half one too; undefined when there is none (any more). */
  find(secret: string | undefined): Promise<Session | undefined>;
  /**
   * The second factor was given: the session is complete and stepped up, under a new secret; the old one is good for
   * nothing from then on. Undefined when it ended meanwhile.
   */
  stepUp(secret: string): Promise<{ readonly secret: string; readonly session: Session } | undefined>;
  end(secret: string): Promise<void>;
  /** Those that are alive, newest first. */
  list(account: string): Promise<readonly Session[]>;
  /** False when the account has no such session. */
  revoke(account: string, id: string): Promise<boolean>;
  /** Ends all sessions of an account, and the logins of clients that it confirmed just now: of who leaves, say. */
  revokeAll(transaction: Transaction, account: string): Promise<void>;
  /** The same by itself. */
  endAll(account: string): Promise<void>;
  /** What the security key is to sign; good for one answer. */
  setChallenge(secret: string, challenge: string): Promise<void>;
  takeChallenge(secret: string): Promise<string | undefined>;
  /** Forgets what has ended. */
  sweep(): Promise<void>;
}

export interface SessionsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

export function createSessions({ database, clock, random }: SessionsDeps): Sessions {
  const isOver = (session: Session, nowMs: number): boolean =>
    session.expiresAtMs <= nowMs || session.seenAtMs + idleMs <= nowMs;

  const sessions: Sessions = {
    async begin(account, { isComplete, steppedUp, link, before }, { address, agent }) {
      const secret = newSecret(random);
      const nowMs = clock.now();
      const session: Session = {
        id: newId(random),
        account,
        isComplete,
        createdAtMs: nowMs,
        seenAtMs: nowMs,
        expiresAtMs: (nowMs + (isComplete ? longestMs : halfMs)) as EpochMs,
        steppedUpAtMs: steppedUp ? nowMs : undefined,
        address,
        agent: agent.slice(0, 200),
        link,
      };
      await database.write(async (transaction) => {
        if (before !== undefined) await deleteSession(transaction, digestOf(before));
        await insertSession(transaction, digestOf(secret), session);
      });
      return { secret, session };
    },

    async find(secret) {
      if (secret === undefined) return undefined;
      const digest = digestOf(secret);
      const session = await readSession(database.read, digest);
      const nowMs = clock.now();
      if (session === undefined || isOver(session, nowMs)) return undefined;
      if (session.seenAtMs + touchMs <= nowMs)
        await database.write((transaction) => touchSession(transaction, digest, nowMs));
      return session;
    },

    async stepUp(secret) {
      const next = newSecret(random);
      const id = newId(random);
      return await database.write(async (transaction) => {
        const nowMs = clock.now();
        const old = await deleteSession(transaction, digestOf(secret));
        if (old === undefined || isOver(old, nowMs)) return undefined;
        const session: Session = {
          ...old,
          id,
          isComplete: true,
          seenAtMs: nowMs,
          // A half session lives for minutes only; a whole one no longer than from its beginning.
          expiresAtMs: (old.createdAtMs + longestMs) as EpochMs,
          steppedUpAtMs: nowMs,
        };
        await insertSession(transaction, digestOf(next), session);
        return { secret: next, session };
      });
    },

    async end(secret) {
      await database.write((transaction) => deleteSession(transaction, digestOf(secret)));
    },

    async list(account) {
      const nowMs = clock.now();
      return (await readSessions(database.read, account)).filter(
        (session) => session.isComplete && !isOver(session, nowMs),
      );
    },

    revoke: (account, id) => database.write((transaction) => deleteSessionById(transaction, account, id)),
    async revokeAll(transaction, account) {
      await deleteSessionsOf(transaction, account);
      await dropWebLoginsOf(transaction, account);
    },
    endAll: (account) => database.write((transaction) => sessions.revokeAll(transaction, account)),
    setChallenge: (secret, challenge) =>
      database.write((transaction) => writeChallenge(transaction, digestOf(secret), challenge)),
    takeChallenge: (secret) => database.write((transaction) => takeChallenge(transaction, digestOf(secret))),
    sweep: () => database.write((transaction) => deleteOldSessions(transaction, clock.now(), clock.now() - idleMs)),
  };
  return sessions;
}
