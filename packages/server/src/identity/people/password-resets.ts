import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Reader } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import { actBy, doerOf, idOf, within, type By, type Doer } from "../doer.ts";
import { addressBlock, type RateLimit } from "../limits/limits.ts";
import { drawLinkSecret, hashOfLink } from "./link-secret.ts";
import { requireGoodPassword, type Passwords } from "./passwords.ts";
import { deleteOldResets, deleteResetsOf, putReset, readReset, type PasswordReset } from "./store-password-resets.ts";
import { readAccount, updateAccount } from "./store.ts";

/** Links by which people who have a password set a new one; good once and for hours. What is stored is their hash. */
export interface PasswordResets {
  /**
   * From here on nothing that was known lets anybody in: the old password is gone, sessions are over, tokens revoked;
   * an older link is good for nothing. All in one transaction. Throws NOT_FOUND, CONFLICT for who is disabled or has
   * no password: a bot, and who signs in at the provider alone.
   */
  make(by: By, name: string, how: ResetOptions): Promise<MadeReset>;
  /** Whose link it is; undefined for one that is used, over, or none. Throws TOO_MANY_REQUESTS. */
  look(secret: string, address: string): Promise<string | undefined>;
  /**
   * Sets the password and answers whose it is. Throws NOT_FOUND for a link that is good for nothing, BAD_REQUEST for a
   * password that may not be; then the link stays good.
   */
  accept(secret: string, password: string, address: string): Promise<string>;
  tidy(): Promise<void>;
}

export interface ResetOptions {
  readonly hours: number;
  /** Tokens that the person made on purpose stay; those by which clients are signed in go all the same. */
  readonly keepMade: boolean;
  /** Second factors go too: of who has lost them. */
  readonly factors: boolean;
}

export interface MadeReset {
  /** Of the link: the only moment at which it can be shown. */
  readonly secret: string;
  /** Tokens. */
  readonly revoked: number;
}

export interface PasswordResetsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly passwords: Passwords;
  /** By address block. */
  readonly looking: RateLimit;
  /** As of `AccountsDeps`. */
  readonly changed: () => void;
  readonly signOut: (by: Doer, name: string, which: Pick<ResetOptions, "keepMade">) => Promise<number>;
  readonly removeFactors: (by: Doer, name: string) => Promise<void>;
}

const hourMs = 3_600_000;

export function createPasswordResets(deps: PasswordResetsDeps): PasswordResets {
  const { database, events, clock, random, passwords, looking, changed } = deps;

  async function find(reader: Reader, secret: string): Promise<PasswordReset | undefined> {
    const reset = await readReset(reader, hashOfLink(secret), clock.now());
    const known = reset && (await readAccount(reader, reset.account));
    return known?.account.state === "active" ? reset : undefined;
  }

  return {
    async make(by, name, { hours, keepMade, factors }) {
      const secret = drawLinkSecret(random);
      const reset = {
        hash: hashOfLink(secret),
        account: name,
        madeBy: idOf(by),
        expiresAtMs: clock.now() + hours * hourMs,
      };
      // A password that nobody knows: the account still is one that has a password.
      const unknown = await passwords.hash(drawLinkSecret(random));
      const revoked = await database.write(async (transaction) => {
        const known = await readAccount(transaction, name);
        if (known === undefined) throw new AssayError("NOT_FOUND", { what: `The account ${name}` });
        const hindrance =
          known.account.state !== "active"
            ? `${name} is disabled; enable it first`
            : known.account.kind === "bot"
              ? `${name} is a bot and has no password; make a token for it`
              : known.password === undefined
                ? `${name} signs in at the provider and has no password here`
                : undefined;
        if (hindrance !== undefined) throw new AssayError("CONFLICT", { reason: hindrance });
        await updateAccount(transaction, name, { password: unknown });
        const count = await deps.signOut(within(by, transaction), name, { keepMade });
        if (factors) await deps.removeFactors(within(by, transaction), name);
        await putReset(transaction, reset);
        await events.record(transaction, {
          kind: "account.password-reset-made",
          subject: `person:${name}`,
          data: { by: idOf(by), expiresAtMs: reset.expiresAtMs, keptMade: keepMade, factors },
          act: actBy(by),
        });
        return count;
      });
      changed();
      return { secret, revoked };
    },

    async look(secret, address) {
      looking.take(addressBlock(address));
      return (await find(database.read, secret))?.account;
    },

    async accept(secret, password, address) {
      looking.take(addressBlock(address));
      const none = new AssayError("NOT_FOUND", { what: "A new password by this link" });
      const name = (await find(database.read, secret))?.account;
      if (name === undefined) throw none;
      requireGoodPassword(password, name);
      const hash = await passwords.hash(password);
      await database.write(async (transaction) => {
        // Of two who come at once the second finds nothing.
        const reset = await find(transaction, secret);
        if (reset === undefined) throw none;
        await deleteResetsOf(transaction, name);
        await updateAccount(transaction, name, { password: hash });
        await events.record(transaction, {
          kind: "account.password-reset",
          subject: `person:${name}`,
          data: { by: `person:${name}`, link: reset.madeBy },
          act: actBy(doerOf({ id: `person:${name}`, address })),
        });
      });
      changed();
      return name;
    },

    async tidy() {
      await database.write((transaction) => deleteOldResets(transaction, clock.now()));
    },
  };
}
