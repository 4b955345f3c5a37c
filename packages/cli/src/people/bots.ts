import { parseNamePattern, type EpochMs } from "@assay/core";
import type { CliContext, ExitCode } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { wrongUse } from "../errors.ts";
import { openInstallation } from "../rooms.ts";
import { terminal, type PeopleOptions } from "./accounts.ts";

export interface TokenOptions extends PeopleOptions {
  readonly packages?: string;
  readonly level: "read-only" | "stage-only" | "read-write";
  readonly expires?: string;
}

export interface BotOptions extends TokenOptions {
  readonly operator: string;
}

const daySeconds = 86_400;

/** A bot is made only with somebody who can be asked about it. */
export async function runAddBot(
  context: CliContext,
  name: string,
  { operator, ...options }: BotOptions,
): Promise<ExitCode> {
  return await withToken(context, name, options, async ({ accounts }) => {
    const person = await accounts.find(operator);
    if (person?.kind !== "person" || person.state !== "active")
      throw wrongUse(`--operator must be a person with an active account here, ${operator} is none.`);
    await accounts.create(terminal, { name, kind: "bot", password: undefined, operator });
  });
}

export async function runBotToken(context: CliContext, name: string, options: TokenOptions): Promise<ExitCode> {
  return await withToken(context, name, options, async ({ accounts }) => {
    const bot = await accounts.find(name);
    if (bot?.kind !== "bot" || bot.state !== "active") throw wrongUse(`${name} is no active bot.`);
  });
}

type Identity = Awaited<ReturnType<typeof openInstallation>>["rooms"]["identity"];

/** What the token shall be is parsed first: a bot is not made for a token that cannot be. */
async function withToken(
  context: CliContext,
  name: string,
  { json, packages, level, expires, ...installation }: TokenOptions,
  prepare: (identity: Identity) => Promise<void>,
): Promise<ExitCode> {
  const patterns = packages?.split(",").map((each) => parseNamePattern(each.trim()));
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const { maxTokenDays } = opened.loaded.config.identity;
  const seconds = expires === undefined ? maxTokenDays * daySeconds : parseDuration(expires);
  if (seconds > maxTokenDays * daySeconds)
    throw wrongUse(`A token is good for at most ${maxTokenDays} days here (identity.maxTokenDays).`);
  await prepare(rooms.identity);
  const expiresAtMs = (context.clock.nowMs() + seconds * 1000) as EpochMs;
  const holder = `bot:${name}`;
  const { secret, token } = await rooms.identity.tokens.issue(terminal, {
    holder,
    holderName: name,
    origin: "made",
    name: "made by assay people",
    level,
    packages: patterns,
    // Nothing of organisations: a bot that publishes does not manage people.
    organisations: [],
    cidrs: undefined,
    expiresAtMs,
  });
  if (json === true) {
    const { key } = token;
    const shown = { ok: true, name, token: secret, key, level, packages: patterns ?? null, expiresAtMs };
    context.stdout.write(`${JSON.stringify(shown)}\n`);
    return 0;
  }
  const until = new Date(expiresAtMs).toISOString().slice(0, 10);
  context.stdout.write(
    `Token of the bot ${name}, shown this once: ${level}, for ${packages ?? "any package"}, until ${until}\n  ${secret}\n`,
  );
  return 0;
}
