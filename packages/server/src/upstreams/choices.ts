import { createHash } from "node:crypto";
import { AssayError } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { SourceChoice } from "./source-choice.ts";
import { actOfTerminal, type Events } from "../platform/events/events.ts";
import { addChooser, choosers, readChoice, removeChooser, setChoice, type Chooser } from "./store-choices.ts";

/** Who may choose sources, by tokens that stand for a person, a machine or an organisation, and what each chose. */
export interface Choices {
  /** Makes a token. It is answered this once and stored as a digest only. Throws BAD_REQUEST for a label that is taken. */
  issue(label: string): Promise<string>;
  /** False when there is no such label. */
  revoke(label: string): Promise<boolean>;
  list(): Promise<readonly Chooser[]>;
  /** What the bearer of an Authorization header chose; undefined without a choice, or when it is no token of ours. */
  of(authorization: string | undefined): Promise<SourceChoice | undefined>;
  /** Sets, or with undefined clears, the bearer's choice. Throws UNAUTHORIZED when it is no token of ours. */
  set(authorization: string | undefined, choice: SourceChoice | undefined): Promise<void>;
  /** As `of`, but throws UNAUTHORIZED when it is no token of ours. */
  require(authorization: string | undefined): Promise<SourceChoice | undefined>;
}

const prefix = "assay_sources_";
const secretBytes = 24;

export function createChoices(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
}): Choices {
  const { database, clock, random, events } = deps;

  const note = (transaction: Transaction, kind: "upstream.chooser-added" | "upstream.chooser-removed", label: string) =>
    events.record(transaction, { kind, subject: `chooser ${label}`, data: {}, act: actOfTerminal });

  async function find(
    authorization: string | undefined,
  ): Promise<{ readonly digest: string; readonly choice: SourceChoice | undefined } | undefined> {
    const digest = digestOf(authorization);
    if (digest === undefined) return undefined;
    const row = await readChoice(database.read, digest);
    return row && { digest, choice: row.choice };
  }

  return {
    async issue(label) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(label))
        throw new AssayError("BAD_REQUEST", {
          reason: "a label is 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit",
        });
      const token = `${prefix}${Buffer.from(random.bytes(secretBytes)).toString("base64url")}`;
      const row = { digest: sha256(token), label, created_at_ms: clock.now() };
      await database.write(async (transaction) => {
        if (!(await addChooser(transaction, row)))
          throw new AssayError("BAD_REQUEST", { reason: `${label} has a token already; revoke it first` });
        await note(transaction, "upstream.chooser-added", label);
      });
      return token;
    },
    revoke: (label) =>
      database.write(async (transaction) => {
        const isGone = await removeChooser(transaction, label);
        if (isGone) await note(transaction, "upstream.chooser-removed", label);
        return isGone;
      }),
    list: () => choosers(database.read),
    of: async (authorization) => (await find(authorization))?.choice,
    async require(authorization) {
      const found = await find(authorization);
      if (found === undefined) throw unknown();
      return found.choice;
    },
    async set(authorization, choice) {
      const digest = digestOf(authorization);
      const isSet =
        digest !== undefined && (await database.write((transaction) => setChoice(transaction, digest, choice)));
      if (!isSet) throw unknown();
    },
  };
}

/** Of our own kind of token only: what other tokens say is nobody's business here. */
function digestOf(authorization: string | undefined): string | undefined {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  return token?.startsWith(prefix) === true ? sha256(token) : undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function unknown(): AssayError<"UNAUTHORIZED"> {
  return new AssayError("UNAUTHORIZED", {
    reason: "send a token that `assay upstream token add` made as Authorization: Bearer <token>",
  });
}
