import type { CliContext, ExitCode } from "../context.ts";
import { openInstallation } from "../rooms.ts";
import { terminal, type PeopleOptions } from "./accounts.ts";

export interface ScimTokenOptions extends PeopleOptions {
  readonly name: string;
}

export async function runScimToken(
  context: CliContext,
  { json, name, ...installation }: ScimTokenOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const { secret, key } = await rooms.identity.scimTokens.make(terminal, name);
  const isOn = rooms.scim !== undefined;
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, key, name, token: secret, isOn })}\n`);
    return 0;
  }
  context.stdout.write(`SCIM token ${key} (${name}), shown this once; good until it is revoked:\n  ${secret}\n`);
  if (!isOn) context.stdout.write("SCIM is off here: set identity.provider.scim to on.\n");
  return 0;
}

export async function runScimTokens(context: CliContext, { json, ...installation }: PeopleOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const tokens = await rooms.identity.scimTokens.list();
  if (json === true) context.stdout.write(`${JSON.stringify({ ok: true, tokens }, undefined, 2)}\n`);
  else if (tokens.length === 0) context.stdout.write("There is no SCIM token.\n");
  else
    for (const { key, name, createdAtMs } of tokens)
      context.stdout.write(`${key}  ${name}  since ${new Date(createdAtMs).toISOString().slice(0, 10)}\n`);
  return 0;
}

export async function runRevokeScimToken(
  context: CliContext,
  key: string,
  { json, ...installation }: PeopleOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.identity.scimTokens.revoke(terminal, key);
  context.stdout.write(
    json === true ? `${JSON.stringify({ ok: true, key })}\n` : `${key} is good for nothing any more.\n`,
  );
  return 0;
}
