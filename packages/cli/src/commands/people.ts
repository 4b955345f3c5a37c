import { Command, Option } from "commander";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions } from "../rooms.ts";
import type { ScimTokenOptions } from "../people/scim.ts";
import type { BotOptions, TokenOptions } from "../people/bots.ts";
import type { InviteOptions, PeopleOptions, ResetPasswordOptions } from "../people/accounts.ts";

/** `assay people`: who has an account here; works beside a running server. */
export function peopleCommand(context: CliContext, finish: Finish): Command {
  const make = (name: string, description: string): Command =>
    installationOptions(new Command(name)).description(description).option("--json", "print the outcome as JSON");
  const accounts = () => import("../people/accounts.ts");
  const bots = () => import("../people/bots.ts");

  const list = make("list", "show every person and bot").action(async (options: PeopleOptions) =>
    finish(await (await accounts()).runList(context, options)),
  );
  const invite = make("invite", "print a link by which one person makes an account, once")
    .option("--admin", "whoever takes it administers the registry")
    .option("--days <n>", "how long it is good, 1 to 30", "7")
    .action(async (options: InviteOptions) => finish(await (await accounts()).runInvite(context, options)));
  const disable = make("disable", "end all sessions and tokens of somebody, and let them in no more")
    .argument("<name>", "the person or bot")
    .action(async (name: string, options: PeopleOptions) =>
      finish(await (await accounts()).runDisable(context, name, options)),
    );
  const enable = make("enable", "let somebody in again; what was revoked stays revoked")
    .argument("<name>", "the person or bot")
    .action(async (name: string, options: PeopleOptions) =>
      finish(await (await accounts()).runEnable(context, name, options)),
    );
  const resetPassword = make(
    "reset-password",
    "end sessions, tokens and the password of a person, and print a link by which they set a new one, once",
  )
    .argument("<name>", "the person")
    .option("--hours <n>", "how long the link is good, 1 to 24", "1")
    .option("--keep-tokens", "tokens that they made themselves stay good; logins of clients end")
    .option("--factors", "remove their second factors and recovery codes too")
    .action(async (name: string, options: ResetPasswordOptions) =>
      finish(await (await accounts()).runResetPassword(context, name, options)),
    );
  const makeAdmin = make("make-admin", "have a person administer the registry")
    .argument("<name>", "the person")
    .option("--undo", "take it back")
    .action(async (name: string, options: PeopleOptions & { readonly undo?: boolean }) =>
      finish(await (await accounts()).runMakeAdmin(context, name, options)),
    );
  const addBot = tokenOptions(make("add-bot", "make a bot, and a token for it, shown this once"))
    .argument("<name>", "of the bot, such as renovate")
    .requiredOption("--operator <person>", "who answers for it")
    .action(async (name: string, options: BotOptions) =>
      finish(await (await bots()).runAddBot(context, name, options)),
    );
  const botToken = tokenOptions(make("bot-token", "make another token for a bot, shown this once"))
    .argument("<name>", "the bot")
    .action(async (name: string, options: TokenOptions) =>
      finish(await (await bots()).runBotToken(context, name, options)),
    );
  const scim = () => import("../people/scim.ts");
  const scimToken = make("scim-token", "make a token by which the identity provider manages people, shown this once")
    .option("--name <name>", "what you call it", "provider")
    .action(async (options: ScimTokenOptions) => finish(await (await scim()).runScimToken(context, options)));
  const scimTokens = make("scim-tokens", "show the identity provider's tokens").action(async (options: PeopleOptions) =>
    finish(await (await scim()).runScimTokens(context, options)),
  );
  const revokeScimToken = make("revoke-scim-token", "have a token of the identity provider taken no more")
    .argument("<key>", "as scim-tokens shows it")
    .action(async (key: string, options: PeopleOptions) =>
      finish(await (await scim()).runRevokeScimToken(context, key, options)),
    );
  const people = new Command("people").description("people and bots: invite, disable, administer");
  const accountCommands = [list, invite, disable, enable, resetPassword, makeAdmin, addBot, botToken];
  for (const command of [...accountCommands, scimToken, scimTokens, revokeScimToken]) people.addCommand(command);
  return people;
}

function tokenOptions(command: Command): Command {
  return command
    .option("--packages <patterns>", "what the token is for, such as @acme/*,left-pad (default: any package)")
    .addOption(
      new Option("--level <level>", "what it may do")
        .choices(["read-only", "stage-only", "read-write"])
        .default("read-only"),
    )
    .option("--expires <duration>", "how long it is good, such as 30d (default: as long as may be)");
}
