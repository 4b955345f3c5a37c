import { isIP } from "node:net";
import { AssayError } from "@assay/core";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import { newCode, digestOf } from "./secrets.ts";
import type { Random } from "../../platform/random.ts";
import type { SecondFactors } from "./second-factors.ts";
import type { Sessions } from "./sessions.ts";
import { insertPasskey, readPasskeys, replaceRecoveryCodes, countRecoveryCodes } from "./store-factors.ts";
import { actOf, doerOf } from "../doer.ts";

/**
 * Security keys (WebAuthn) as second factor. A key signs for one address: what was registered under one public URL
 * works under no other. The challenge is kept with the session, for one answer.
 */
export interface Passkeys {
  /** False for addresses by number: browsers know security keys by host name alone. */
  isPossible(base: string): boolean;
  /** Options for `navigator.credentials.create`, as JSON. */
  offer(account: string, base: string, secret: string): Promise<string>;
  /** Takes a new key; answers recovery codes where the account had none. Throws BAD_REQUEST. */
  add(
    account: string,
    base: string,
    secret: string,
    given: { readonly answer: string; readonly label: string; /** Of the client. */ readonly address: string },
  ): Promise<readonly string[]>;
  /** Options for `navigator.credentials.get`; undefined where the account has no key, or none can work. */
  ask(account: string, base: string, secret: string): Promise<string | undefined>;
  /** True when one of the account's keys signed the challenge of this session. */
  check(account: string, base: string, secret: string, answer: string): Promise<boolean>;
}

export interface PasskeysDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly sessions: Sessions;
  readonly factors: Pick<SecondFactors, "passkeyUsed">;
}

const mostKeys = 20;

export function createPasskeys({ database, events, clock, random, sessions, factors }: PasskeysDeps): Passkeys {
  // Costs 25 packages: loaded when somebody has a key.
  const library = () => import("@simplewebauthn/server");
  const hostOf = (base: string): string => new URL(base).hostname;

  const passkeys: Passkeys = {
    isPossible: (base) => isIP(hostOf(base)) === 0 && !hostOf(base).startsWith("["),

    async offer(account, base, secret) {
      const { generateRegistrationOptions } = await library();
      const known = await readPasskeys(database.read, account);
      const options = await generateRegistrationOptions({
        rpName: `Assay at ${hostOf(base)}`,
        rpID: hostOf(base),
        userName: account,
        userID: new Uint8Array(Buffer.from(digestOf(`passkeys of ${account}`), "hex")),
        attestationType: "none",
        excludeCredentials: known.map(({ id }) => ({ id })),
        authenticatorSelection: { residentKey: "discouraged", userVerification: "preferred" },
      });
      await sessions.setChallenge(secret, options.challenge);
      return JSON.stringify(options);
    },

    async add(account, base, secret, { answer, label, address }) {
      const { verifyRegistrationResponse } = await library();
      const expectedChallenge = await sessions.takeChallenge(secret);
      const response = parse(answer);
      if (expectedChallenge === undefined || response === undefined) throw refused();
      const result = await verifyRegistrationResponse({
        response,
        expectedChallenge,
        expectedOrigin: new URL(base).origin,
        expectedRPID: hostOf(base),
        requireUserVerification: false,
      }).catch((cause: unknown) => {
        throw refused(cause);
      });
      if (!result.verified) throw refused();
      const { id, publicKey, counter } = result.registrationInfo.credential;
      const codes = Array.from({ length: 10 }, () => newCode(random, 4));
      return await database.write(async (transaction) => {
        if ((await readPasskeys(transaction, account)).length >= mostKeys)
          throw new AssayError("CONFLICT", { reason: `an account has at most ${mostKeys} security keys` });
        const passkey = {
          id,
          label: label.trim().slice(0, 60) || "Security key",
          publicKey: Buffer.from(publicKey).toString("base64url"),
          counter,
          createdAtMs: clock.now(),
          usedAtMs: undefined,
        };
        if (!(await insertPasskey(transaction, account, passkey)))
          throw new AssayError("CONFLICT", { reason: "that security key is known already" });
        await events.record(transaction, {
          kind: "factor.added",
          subject: `person:${account}`,
          data: { by: `person:${account}`, factor: "security key" },
          act: actOf(doerOf({ id: `person:${account}`, address })),
        });
        if ((await countRecoveryCodes(transaction, account)) > 0) return [];
        await replaceRecoveryCodes(
          transaction,
          account,
          codes.map((code) => digestOf(`${account} ${code}`)),
        );
        return codes;
      });
    },

    async ask(account, base, secret) {
      const known = await readPasskeys(database.read, account);
      if (known.length === 0 || !passkeys.isPossible(base)) return undefined;
      const { generateAuthenticationOptions } = await library();
      const options = await generateAuthenticationOptions({
        rpID: hostOf(base),
        allowCredentials: known.map(({ id }) => ({ id })),
        userVerification: "preferred",
      });
      await sessions.setChallenge(secret, options.challenge);
      return JSON.stringify(options);
    },

    async check(account, base, secret, answer) {
      const expectedChallenge = await sessions.takeChallenge(secret);
      const response = parse(answer);
      if (expectedChallenge === undefined || response === undefined) return false;
      const known = (await readPasskeys(database.read, account)).find(({ id }) => id === response.id);
      if (known === undefined) return false;
      const { verifyAuthenticationResponse } = await library();
      const result = await verifyAuthenticationResponse({
        response,
        expectedChallenge,
        expectedOrigin: new URL(base).origin,
        expectedRPID: hostOf(base),
        credential: {
          id: known.id,
          publicKey: new Uint8Array(Buffer.from(known.publicKey, "base64url")),
          counter: known.counter,
        },
        requireUserVerification: false,
      }).catch(() => undefined);
      if (result?.verified !== true) return false;
      return await factors.passkeyUsed(account, known, result.authenticationInfo.newCounter);
    },
  };
  return passkeys;
}

/** An answer of a browser, of either kind: what else is in it the library looks at. */
function parse(answer: string): (RegistrationResponseJSON & AuthenticationResponseJSON) | undefined {
  try {
    const value: unknown = JSON.parse(answer);
    return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string"
      ? (value as RegistrationResponseJSON & AuthenticationResponseJSON)
      : undefined;
  } catch {
    return undefined;
  }
}

function refused(cause?: unknown): AssayError {
  return new AssayError(
    "BAD_REQUEST",
    { reason: "the security key gave no answer that holds; try again" },
    cause === undefined ? {} : { cause },
  );
}
