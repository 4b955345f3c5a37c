import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { installationOptions, openInstallation, type InstallationOptions } from "../rooms.ts";

interface TokenOptions extends InstallationOptions {
  readonly json?: boolean;
}

/** `assay upstream token`: who may choose and order their own sources. */
export function upstreamTokenCommand(context: CliContext, finish: Finish): Command {
  const add = installationOptions(new Command("add"))
    .description("make a token that stands for a person, machine or organisation; it is shown this once")
    .argument("<label>", "whom it stands for, such as ci-berlin")
    .option("--json", "print the token as JSON")
    .action(async (label: string, options: TokenOptions) => finish(await runAdd(context, label, options)));
  const revoke = installationOptions(new Command("revoke"))
    .description("take a token back, and with it what its bearer chose")
    .argument("<label>", "whom it stands for")
    .option("--json", "print the outcome as JSON")
    .action(async (label: string, options: TokenOptions) => finish(await runRevoke(context, label, options)));
  const list = installationOptions(new Command("list"))
    .description("show who has a token, and which sources each chose")
    .option("--json", "print them as JSON")
    .action(async (options: TokenOptions) => finish(await runList(context, options)));
  return new Command("token")
    .description("who may choose and order sources for themselves")
    .addCommand(add)
    .addCommand(revoke)
    .addCommand(list);
}

async function runAdd(context: CliContext, label: string, { json, ...installation }: TokenOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const token = await rooms.upstreams.choices.issue(label);
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, label, token })}\n`);
    return 0;
  }
  const base = opened.loaded.config.publicUrls[0] ?? "http://127.0.0.1:4873";
  context.stdout.write(
    [
      `Token of ${label}, shown this once:`,
      `  ${token}`,
      "",
      "Its bearer chooses sources so, and sends it with installs (npm: //<host>/:_authToken):",
      `  curl -X PUT ${base}/-/assay/v1/sources/choice -H 'authorization: Bearer <token>' \\`,
      `    -H 'content-type: application/json' -d '{"order":["<alias>"]}'`,
      "",
    ].join("\n"),
  );
  return 0;
}

async function runRevoke(
  context: CliContext,
  label: string,
  { json, ...installation }: TokenOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const revoked = await rooms.upstreams.choices.revoke(label);
  const message = revoked ? `The token of ${label} is worth nothing any more.` : `${label} has no token.`;
  context.stdout.write(json === true ? `${JSON.stringify({ ok: revoked, label, revoked })}\n` : `${message}\n`);
  return revoked ? 0 : 1;
}

async function runList(context: CliContext, { json, ...installation }: TokenOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const choosers = await rooms.upstreams.choices.list();
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, choosers }, undefined, 2)}\n`);
    return 0;
  }
  if (choosers.length === 0) context.stdout.write("Nobody has a token: everybody is served as assay.yaml says.\n");
  for (const { label, choice } of choosers) {
    const what =
      choice === undefined ? "chose nothing" : `${choice.order.join(", ")}${choice.only ? " and nobody else" : ""}`;
    context.stdout.write(`${label}  ${what}\n`);
  }
  return 0;
}
