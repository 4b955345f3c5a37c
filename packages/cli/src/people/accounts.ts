import type { LoadedConfig } from "@assay/server/load";
import type { Rooms } from "@assay/server/rooms";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { openInstallation, type InstallationOptions } from "../rooms.ts";

export interface PeopleOptions extends InstallationOptions {
  readonly json?: boolean;
}

export interface InviteOptions extends PeopleOptions {
  readonly admin?: boolean;
  readonly days: string;
}

export interface ResetPasswordOptions extends PeopleOptions {
  readonly hours: string;
  readonly keepTokens?: boolean;
  readonly factors?: boolean;
}

/** Who acts, in events: whoever may read the data folder. */
export const terminal = "terminal";

export async function runList(context: CliContext, { json, ...installation }: PeopleOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const people = await rooms.identity.accounts.list();
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, people }, undefined, 2)}\n`);
    return 0;
  }
  if (people.length === 0) context.stdout.write("Nobody has an account.\n");
  for (const { name, kind, state, isAdmin, operator } of people) {
    const notes = [
      ...(kind === "bot" ? [operator === undefined ? "bot" : `bot of ${operator}`] : []),
      ...(isAdmin ? ["administrator"] : []),
      ...(state === "disabled" ? ["disabled"] : []),
    ];
    context.stdout.write(`${[name, ...notes].join("  ")}\n`);
  }
  return 0;
}

export async function runInvite(
  context: CliContext,
  { json, admin, days: given, ...installation }: InviteOptions,
): Promise<ExitCode> {
  const days = /^\d{1,2}$/.test(given) ? Number(given) : 0;
  if (days < 1 || days > 30) throw wrongUse("--days must be 1 to 30.");
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const secret = await rooms.identity.invitations.make(terminal, { isAdmin: admin === true, days });
  const link = linkTo(opened.loaded, "invite", secret);
  if (json === true) context.stdout.write(`${JSON.stringify({ ok: true, link, isAdmin: admin === true, days })}\n`);
  else context.stdout.write(`One person makes an account here, once, within ${days} days:\n  ${link}\n`);
  return 0;
}

export async function runDisable(
  context: CliContext,
  name: string,
  { json, ...installation }: PeopleOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const revoked = await rooms.identity.endAccess.disable(terminal, name);
  const bots = await botsOf(rooms.identity, name);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, name, revoked, bots })}\n`);
    return 0;
  }
  context.stdout.write(`${name} is disabled: all sessions are over, ${revoked} tokens were revoked.\n`);
  sayBots(context, bots);
  return 0;
}

export async function runEnable(
  context: CliContext,
  name: string,
  { json, ...installation }: PeopleOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.identity.accounts.setState(terminal, name, "active");
  context.stdout.write(json === true ? `${JSON.stringify({ ok: true, name })}\n` : `${name} may sign in again.\n`);
  return 0;
}

export async function runResetPassword(
  context: CliContext,
  name: string,
  { json, hours: given, keepTokens, factors, ...installation }: ResetPasswordOptions,
): Promise<ExitCode> {
  const hours = /^\d{1,2}$/.test(given) ? Number(given) : 0;
  if (hours < 1 || hours > 24) throw wrongUse("--hours must be 1 to 24.");
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const how = { hours, keepMade: keepTokens === true, factors: factors === true };
  const { secret, revoked } = await rooms.identity.resets.make(terminal, name, how);
  const bots = await botsOf(rooms.identity, name);
  const link = linkTo(opened.loaded, "reset-password", secret);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, name, link, revoked, ...how, bots })}\n`);
    return 0;
  }
  const which = how.keepMade ? "logins of clients" : "tokens";
  const left = how.factors ? "removed" : "as they were";
  context.stdout.write(
    `The old password of ${name} is good for nothing, all sessions are over, ${revoked} ${which} were revoked; second factors are ${left}.\n` +
      `${name} sets a new one here, once, within ${hours} h:\n  ${link}\n`,
  );
  sayBots(context, bots);
  return 0;
}

export async function runMakeAdmin(
  context: CliContext,
  name: string,
  { json, undo, ...installation }: PeopleOptions & { readonly undo?: boolean },
): Promise<ExitCode> {
  const isAdmin = undo !== true;
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.identity.accounts.setAdmin(terminal, name, isAdmin);
  const says = isAdmin ? "administers the registry" : "does not administer the registry any more";
  context.stdout.write(json === true ? `${JSON.stringify({ ok: true, name, isAdmin })}\n` : `${name} ${says}.\n`);
  return 0;
}

/** A link to a page of the server of this installation. */
function linkTo({ config: { publicUrls, listen } }: LoadedConfig, page: string, secret: string): string {
  return `${publicUrls[0] ?? `http://${listen.host}:${listen.port}`}/-/web/${page}?secret=${secret}`;
}

async function botsOf({ accounts }: Rooms["identity"], person: string): Promise<readonly string[]> {
  return (await accounts.list())
    .filter(({ operator, state }) => operator === person && state === "active")
    .map(({ name }) => name);
}

function sayBots({ stdout }: CliContext, bots: readonly string[]): void {
  if (bots.length > 0) stdout.write(`Still active, and theirs to answer for: ${bots.join(", ")}.\n`);
}
