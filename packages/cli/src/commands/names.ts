import { Command, Option } from "commander";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions } from "../rooms.ts";
import type { ClaimOptions, ListOptions, UnpublishOptions } from "../names/names.ts";

/** `assay names`: the packages that live here; works beside a running server. */
export function namesCommand(context: CliContext, finish: Finish): Command {
  const make = (name: string, description: string): Command =>
    installationOptions(new Command(name)).description(description).option("--json", "print the outcome as JSON");
  const run = () => import("../names/names.ts");

  const list = make("list", "show every package that lives here, whose it is, and who may read it")
    .option("--organisation <name>", "only this organisation's")
    .action(async (options: ListOptions) => finish(await (await run()).runList(context, options)));
  const claim = make("claim", "give a name to an organisation; from then on no upstream is asked for it")
    .argument("<name>", "a package's name, such as left-pad")
    .requiredOption("--organisation <name>", "whose it shall be")
    .addOption(
      new Option("--visibility <visibility>", "who reads it").choices(["public", "restricted"]).default("restricted"),
    )
    .action(async (name: string, options: ClaimOptions) =>
      finish(await (await run()).runClaim(context, name, options)),
    );
  const unpublish = make(
    "unpublish",
    "take a version away, also one that is old or that others need; its number is burnt",
  )
    .argument("<name[@version]>", "one version; without it all of the package")
    .requiredOption("--reason <text>", "why; it stands in the audit trail")
    .action(async (what: string, options: UnpublishOptions) =>
      finish(await (await run()).runUnpublish(context, what, options)),
    );
  const names = new Command("names").description("packages that live here: list, claim a name, unpublish by force");
  for (const command of [list, claim, unpublish]) names.addCommand(command);
  return names;
}
