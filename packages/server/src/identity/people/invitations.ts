import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import { actBy, actOf, doerOf, idOf, type By } from "../doer.ts";
import type { Random } from "../../platform/random.ts";
import { addressBlock, type RateLimit } from "../limits/limits.ts";
import type { Account, Accounts } from "./accounts.ts";
import { drawLinkSecret, hashOfLink } from "./link-secret.ts";
import { countAdmins, updateAccount } from "./store.ts";
import { deleteInvitation, deleteOldInvitations, insertInvitation, readInvitation } from "./store-invitations.ts";

/** Links by which one person each makes an account; good once and not for long. What is stored is their hash. */
export interface Invitations {
  /** Answers the secret of the link: the only moment at which it can be shown. */
  make(by: By, invitation: { readonly isAdmin: boolean; readonly days: number }): Promise<string>;
  /** The same for the first administrator; undefined once there is one. */
  offerFirstRun(): Promise<string | undefined>;
  /** Which kind of link it is; undefined for one that is used, over, or none. Throws TOO_MANY_REQUESTS. */
  look(secret: string, address: string): Promise<"first-run" | "invite" | undefined>;
  /**
   * Makes the account, and an administrator of it where the link says so. An account that is there already, of who made
   * one before the first administrator was, is taken with its password. Throws NOT_FOUND for a link that is good for
   * nothing, and as `Accounts.create` and `Accounts.checkPassword` do; then the link stays good.
   */
  accept(secret: string, joining: Joining, address: string): Promise<Account>;
  tidy(): Promise<void>;
}

export interface Joining {
  readonly name: string;
  readonly password: string;
  readonly email: string;
}

const dayMs = 24 * 3_600_000;
const firstRunMs = dayMs;

export interface InvitationsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly accounts: Accounts;
  /** By address block. */
  readonly looking: RateLimit;
  /** As of `AccountsDeps`. */
  readonly changed: () => void;
}

export function createInvitations(deps: InvitationsDeps): Invitations {
  const { database, events, clock, random, accounts, looking, changed } = deps;

  async function offer(
    by: By,
    kind: "first-run" | "invite",
    { isAdmin, lifetimeMs }: { readonly isAdmin: boolean; readonly lifetimeMs: number },
  ): Promise<string> {
    const secret = drawLinkSecret(random);
    const expiresAtMs = clock.now() + lifetimeMs;
    await database.write(async (transaction) => {
      await insertInvitation(transaction, { hash: hashOfLink(secret), kind, isAdmin, madeBy: idOf(by), expiresAtMs });
      await events.record(transaction, {
        kind: "invitation.made",
        subject: kind,
        data: { by: idOf(by), isAdmin, expiresAtMs },
        act: actBy(by),
      });
    });
    return secret;
  }

  async function find(secret: string): ReturnType<typeof readInvitation> {
    const found = await readInvitation(database.read, hashOfLink(secret), clock.now());
    // Once somebody administers the registry nobody becomes its first administrator.
    return found?.kind === "first-run" && !(await accounts.isWithoutAdmin()) ? undefined : found;
  }

  return {
    make: (by, { isAdmin, days }) => offer(by, "invite", { isAdmin, lifetimeMs: days * dayMs }),
    offerFirstRun: async () =>
      (await accounts.isWithoutAdmin())
        ? await offer("terminal", "first-run", { isAdmin: true, lifetimeMs: firstRunMs })
        : undefined,
    async look(secret, address) {
      looking.take(addressBlock(address));
      return (await find(secret))?.kind;
    },
    async accept(secret, { name, password, email }, address) {
      looking.take(addressBlock(address));
      const invitation = await find(secret);
      if (invitation === undefined) throw new AssayError("NOT_FOUND", { what: "An invitation by this link" });
      const { kind, isAdmin, madeBy } = invitation;
      const isThere = kind === "first-run" && (await accounts.find(name)) !== undefined;
      const known = isThere ? await accounts.checkPassword(name, password, address) : undefined;
      const make = await accounts.prepare(madeBy, { name, kind: "person", password, email, isAdmin });
      const account = await database.write(async (transaction) => {
        // First of all: of two who come at once the second finds nothing, and leaves no account.
        const isOurs = await deleteInvitation(transaction, invitation.hash);
        if (!isOurs || (kind === "first-run" && (await countAdmins(transaction)) > 0))
          throw new AssayError("NOT_FOUND", { what: "An invitation by this link" });
        const joined = known ?? (await make(transaction));
        if (known !== undefined) await updateAccount(transaction, name, { is_admin: 1 });
        await events.record(transaction, {
          kind: "invitation.accepted",
          subject: `person:${name}`,
          data: { by: madeBy, link: kind, isAdmin },
          act: actOf(doerOf({ id: `person:${name}`, address })),
        });
        return joined;
      });
      changed();
      return { ...account, isAdmin };
    },
    async tidy() {
      const nowMs = clock.now();
      await database.write((transaction) => deleteOldInvitations(transaction, nowMs));
    },
  };
}
