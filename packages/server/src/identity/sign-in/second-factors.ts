import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import { actBy, actOf, doerOf, idOf, writeBy, type By } from "../doer.ts";
import type { Random } from "../../platform/random.ts";
import { digestOf, newCode, normalCode } from "./secrets.ts";
import {
  countRecoveryCodes,
  deleteFactors,
  deletePasskey,
  deleteTotp,
  offerTotp,
  readMode,
  readPasskeys,
  readTotp,
  replaceRecoveryCodes,
  usePasskey,
  useRecoveryCode,
  useTotpStep,
  writeMode,
  type FactorMode,
  type Passkey,
} from "./store-factors.ts";
import { base32, otpauthUrl, stepOf } from "./totp.ts";
import type { Vault } from "./vault.ts";

export type { FactorMode, Passkey } from "./store-factors.ts";

/** What somebody has besides a password. */
export interface FactorState {
  readonly hasTotp: boolean;
  readonly passkeys: readonly Passkey[];
  readonly recoveryCodesLeft: number;
  /** `all`: changes by a token need a second factor too; `sign-in`: only signing in does. */
  readonly mode: FactorMode;
  /** There is one: signing in needs it. */
  readonly isEnrolled: boolean;
}

/** Slows down who guesses; counts by account and place. */
export interface GuessGuard {
  /** Throws TOO_MANY_REQUESTS: then nothing is compared. */
  admit(subject: string, address: string): Promise<void>;
  failed(transaction: Transaction, subject: string, address: string): Promise<void>;
  succeeded(subject: string, address: string): Promise<void>;
}

/** Codes of authenticator apps and recovery codes; which security keys there are. */
export interface SecondFactors {
  stateOf(account: string): Promise<FactorState>;
  /** Draws a seed that counts once a code of it was typed. Throws CONFLICT when one counts already. */
  offerTotp(account: string, issuer: string): Promise<{ readonly secret: string; readonly url: string }>;
  /** The first code: from then on it counts. Answers new recovery codes. Throws BAD_REQUEST for a wrong code, TOO_MANY_REQUESTS. */
  confirmTotp(account: string, code: string, address: string): Promise<readonly string[]>;
  /**
   * Takes a one-time password or a recovery code, each once. False when it is none, was taken already, or there is
   * nothing to compare it with. `isKnown` is asked first, as part of the same guess: whether the code is good without
   * being taken. Throws TOO_MANY_REQUESTS for who guesses.
   */
  take(
    account: string,
    code: string,
    address: string,
    isKnown?: (transaction: Transaction) => Promise<boolean>,
  ): Promise<boolean>;
  removeTotp(holder: FactorHolder): Promise<void>;
  removePasskey(holder: FactorHolder, id: string): Promise<boolean>;
  /** Everything that somebody has lost, recovery codes too; in the transaction that `by` brings. */
  removeAll(by: By, account: string): Promise<void>;
  /** A security key signed; false when another use came first. */
  passkeyUsed(account: string, passkey: Passkey, counter: number): Promise<boolean>;
  /** New ones; what was there before is good for nothing. */
  drawRecoveryCodes(holder: FactorHolder): Promise<readonly string[]>;
  setMode(holder: FactorHolder, mode: FactorMode): Promise<void>;
}

/** Who changes factors of their own, and from where. */
export interface FactorHolder {
  readonly account: string;
  /** Of the client. */
  readonly address: string;
}

export interface SecondFactorsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly vault: Vault;
  readonly guard: GuessGuard;
}

/** RFC 4226 §4 R6: 160 bits. */
const seedBytes = 20;
const recoveryCodes = 10;

export function createSecondFactors(deps: SecondFactorsDeps): SecondFactors {
  const { database, events, clock, random, vault, guard } = deps;
  const useOf = (account: string): string => `totp ${account}`;

  const note = (
    transaction: Transaction,
    kind: ActKind,
    { account, address }: FactorHolder,
    data: Record<string, string> = {},
  ) =>
    events.record(transaction, {
      kind,
      subject: `person:${account}`,
      data: { by: `person:${account}`, ...data },
      act: actOf(doerOf({ id: `person:${account}`, address })),
    });

  async function writeRecoveryCodes(transaction: Transaction, account: string, codes: readonly string[]) {
    await replaceRecoveryCodes(
      transaction,
      account,
      codes.map((code) => digestOf(`${account} ${code}`)),
    );
  }

  /** Compares and uses up, in one transaction: of two who bring the same code one is first. */
  async function takeTotp(transaction: Transaction, account: string, code: string, confirming: boolean) {
    const factor = await readTotp(transaction, account);
    if (factor === undefined || factor.isConfirmed === confirming) return false;
    const step = stepOf(vault.open(factor.secret, useOf(account)), code, clock.now());
    if (step === undefined || step <= factor.lastStep) return false;
    await useTotpStep(transaction, account, step);
    return true;
  }

  /** One guess, counted. */
  async function guess(account: string, address: string, compare: (transaction: Transaction) => Promise<boolean>) {
    const subject = `second-factor ${account}`;
    await guard.admit(subject, address);
    const isRight = await database.write(async (transaction) => {
      if (await compare(transaction)) return true;
      await guard.failed(transaction, subject, address);
      await events.record(transaction, {
        kind: "sign-in.refused",
        subject: `person:${account}`,
        data: { why: "second factor" },
        act: { who: `person:${account}`, address, action: "", policy: "", result: "refused" },
      });
      return false;
    });
    if (isRight) await guard.succeeded(subject, address);
    return isRight;
  }

  return {
    async stateOf(account) {
      const [totp, passkeys, recoveryCodesLeft, mode] = await Promise.all([
        readTotp(database.read, account),
        readPasskeys(database.read, account),
        countRecoveryCodes(database.read, account),
        readMode(database.read, account),
      ]);
      const hasTotp = totp?.isConfirmed === true;
      return { hasTotp, passkeys, recoveryCodesLeft, mode, isEnrolled: hasTotp || passkeys.length > 0 };
    },

    async offerTotp(account, issuer) {
      const seed = random.bytes(seedBytes);
      const sealed = vault.seal(seed, useOf(account));
      if (!(await database.write((transaction) => offerTotp(transaction, account, sealed, clock.now()))))
        throw new AssayError("CONFLICT", { reason: "an authenticator app is set up already; remove it first" });
      return { secret: base32(seed), url: otpauthUrl(seed, issuer, account) };
    },

    async confirmTotp(account, code, address) {
      const codes = newCodes();
      const isRight = await guess(account, address, async (transaction) => {
        if (!(await takeTotp(transaction, account, plainDigits(code), true))) return false;
        await writeRecoveryCodes(transaction, account, codes);
        await note(transaction, "factor.added", { account, address }, { factor: "totp" });
        return true;
      });
      if (!isRight) throw new AssayError("BAD_REQUEST", { reason: "that code is not right; it changes every 30 s" });
      return codes;
    },

    take: (account, code, address, isKnown) =>
      guess(account, address, async (transaction) => {
        if ((await isKnown?.(transaction)) === true) return true;
        const digits = plainDigits(code);
        if (/^[0-9]{6}$/.test(digits)) return takeTotp(transaction, account, digits, false);
        if (!(await useRecoveryCode(transaction, account, digestOf(`${account} ${normalCode(code)}`)))) return false;
        await note(transaction, "factor.recovery-code-used", { account, address });
        return true;
      }),

    async removeTotp({ account, address }) {
      await database.write(async (transaction) => {
        await deleteTotp(transaction, account);
        if ((await readPasskeys(transaction, account)).length === 0)
          await replaceRecoveryCodes(transaction, account, []);
        await note(transaction, "factor.removed", { account, address }, { factor: "totp" });
      });
    },

    removePasskey: ({ account, address }, id) =>
      database.write(async (transaction) => {
        if (!(await deletePasskey(transaction, account, id))) return false;
        const isLast =
          (await readPasskeys(transaction, account)).length === 0 &&
          (await readTotp(transaction, account))?.isConfirmed !== true;
        if (isLast) await replaceRecoveryCodes(transaction, account, []);
        await note(transaction, "factor.removed", { account, address }, { factor: "security key" });
        return true;
      }),

    removeAll: (by, account) =>
      writeBy(database, by, async (transaction) => {
        await deleteFactors(transaction, account);
        const subject = `person:${account}`;
        const data = { by: idOf(by), factor: "all" };
        await events.record(transaction, { kind: "factor.removed", subject, data, act: actBy(by) });
      }),

    passkeyUsed: (_account, { id, counter: before }, counter) =>
      database.write((transaction) => usePasskey(transaction, id, { before, counter, nowMs: clock.now() })),

    async drawRecoveryCodes({ account, address }) {
      const codes = newCodes();
      await database.write(async (transaction) => {
        await writeRecoveryCodes(transaction, account, codes);
        await note(transaction, "factor.recovery-codes-drawn", { account, address });
      });
      return codes;
    },

    async setMode({ account, address }, mode) {
      await database.write(async (transaction) => {
        await writeMode(transaction, account, mode);
        await note(transaction, "factor.mode-changed", { account, address }, { mode });
      });
    },
  };

  function newCodes(): readonly string[] {
    // 16 letters of 28: 76 bits each.
    return Array.from({ length: recoveryCodes }, () => newCode(random, 4));
  }
}

/** People type `123 456`. */
function plainDigits(code: string): string {
  return code.length > 40 ? "" : code.replaceAll(/\s/g, "");
}
