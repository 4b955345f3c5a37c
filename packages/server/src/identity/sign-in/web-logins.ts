import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Random } from "../../platform/random.ts";
import { addressRange } from "../limits/limits.ts";
import { digestOf, newCode, newId, newSecret } from "./secrets.ts";
import {
  countWebLogins,
  decideWebLogin,
  deleteOldWebLogins,
  deleteWebLogin,
  dropWebLogin,
  insertWebLogin,
  readWaiting,
  readWebLogin,
  type WebLogin,
} from "./store-web-logins.ts";

export type { WebLogin } from "./store-web-logins.ts";

const lifeMs = 10 * 60_000;
/** Anybody may begin one, so that many wait at most. Of those that are too many the largest address range gives way. */
const mostWaiting = 10_000;

/**
 * A client that shall get a token is paired with a person in a browser: it waits with a secret that only it knows, the
 * person sees the code that the client's terminal shows, and says yes. A link that somebody sends does not sign him in:
 * the code stands in no terminal of the reader.
 */
export interface WebLogins {
  begin(place: {
    readonly address: string;
    readonly agent: string;
  }): Promise<{ readonly id: string; readonly secret: string; readonly code: string }>;
  /** For the page; undefined when there is none (any more). */
  find(id: string): Promise<WebLogin | undefined>;
  /** False when it was decided already, or has ended. */
  decide(id: string, account: string, decision: "confirmed" | "refused"): Promise<boolean>;
  /**
   * What the client hears: to wait, or the token that `issue` makes in the same transaction, to one caller and once.
   * Throws UNAUTHORIZED when there is no such login (any more), or the person said no.
   */
  collect<T>(
    secret: string,
    issue: (transaction: Transaction, login: WebLogin & { readonly account: string }) => Promise<T>,
  ): Promise<T | "waiting">;
  /** Forgets what has ended. */
  sweep(): Promise<void>;
}

export function createWebLogins(
  deps: {
    readonly database: Database;
    readonly clock: Clock;
    readonly random: Random;
  },
  most = mostWaiting,
): WebLogins {
  const { database, clock, random } = deps;
  const gone = new AssayError("UNAUTHORIZED", { reason: "this login has ended or was refused; begin again" });

  /** A tenth at once, so that this is rare. */
  async function makeRoom(transaction: Transaction): Promise<void> {
    const ranges = Map.groupBy(await readWaiting(transaction), ({ address }) => addressRange(address));
    const [first, ...others] = ranges.values();
    if (first === undefined) throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 60 });
    const largest = others.reduce((before, range) => (range.length > before.length ? range : before), first);
    for (const { id } of largest.slice(0, Math.ceil(largest.length / 10))) await dropWebLogin(transaction, id);
  }

  return {
    async begin({ address, agent }) {
      const secret = newSecret(random);
      const id = newId(random);
      const code = newCode(random, 2);
      const nowMs = clock.now();
      await database.write(async (transaction) => {
        await deleteOldWebLogins(transaction, nowMs);
        if ((await countWebLogins(transaction)) >= most) await makeRoom(transaction);
        await insertWebLogin(transaction, digestOf(secret), {
          id,
          code,
          state: "waiting",
          account: undefined,
          createdAtMs: nowMs,
          expiresAtMs: nowMs + lifeMs,
          address,
          agent: agent.slice(0, 200),
        });
      });
      return { id, secret, code };
    },

    async find(id) {
      const login = await readWebLogin(database.read, { id });
      return login !== undefined && login.expiresAtMs > clock.now() ? login : undefined;
    },

    decide: (id, account, state) =>
      database.write((transaction) => decideWebLogin(transaction, id, { state, account, nowMs: clock.now() })),

    async collect(secret, issue) {
      const digest = digestOf(secret);
      // Polled every second or two: what waits costs no transaction.
      const seen = await readWebLogin(database.read, { digest });
      if (seen === undefined || seen.expiresAtMs <= clock.now() || seen.state === "refused") throw gone;
      if (seen.state === "waiting") return "waiting";
      return await database.write(async (transaction) => {
        const login = await deleteWebLogin(transaction, digest);
        const account = login?.account;
        if (login === undefined || account === undefined || login.state !== "confirmed") throw gone;
        return await issue(transaction, { ...login, account });
      });
    },

    sweep: () => database.write((transaction) => deleteOldWebLogins(transaction, clock.now())),
  };
}
