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
  const { publicUrls, listen } = opened.loaded.config;
  const secret = await rooms.identity.invitations.make(terminal, { isAdmin: admin === true, days });
  const link = `${publicUrls[0] ?? `http://${listen.host}:${listen.port}`}/-/web/invite?secret=${secret}`;
  if (json === true) context.stdout.write(`${JSON.stringify({ ok: true, link, isAdmin: admin === true, days })}\n`);
  else context.stdout.write(`One person makes an account here, once, within ${days} days:\n  ${link}\n`);
  return 0;
}

/** Disabled first: from then on nothing that is left lets anybody in, wherever this stops. */
export async function runDisable(
  context: CliContext,
  name: string,
  { json, ...installation }: PeopleOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const { accounts, tokens, signIn } = rooms.identity;
  await accounts.setState(terminal, name, "disabled");
  await signIn.sessions.endAll(name);
  const kind = (await accounts.find(name))?.kind ?? "person";
  const revoked = await tokens.revokeAll(terminal, `${kind}:${name}`);
  const bots = (await accounts.list())
    .filter(({ operator, state }) => operator === name && state === "active")
    .map((bot) => bot.name);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, name, revoked, bots })}\n`);
    return 0;
  }
  context.stdout.write(`${name} is disabled: all sessions are over, ${revoked} tokens were revoked.\n`);
  if (bots.length > 0) context.stdout.write(`Still active, and theirs to answer for: ${bots.join(", ")}.\n`);
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
