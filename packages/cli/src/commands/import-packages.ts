import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions } from "../rooms.ts";
import type { MoveFlags, RegistryFlags } from "../move/move.ts";

/**
 * `assay import verdaccio | registry`: packages of another registry come to live here. Their options may stand at
 * `import` too, which has some of the same.
 */
export function importPackagesCommands(context: CliContext, finish: Finish): readonly Command[] {
  const move = () => import("../move/move.ts");
  const verdaccio = options(new Command("verdaccio"))
    .description("bring all packages of a Verdaccio here, from its storage folder; works beside the server")
    .argument("<folder>", "what storage in Verdaccio's config.yaml names")
    .action(async (folder: string, _flags: MoveFlags, command: Command) =>
      finish(await (await move()).runMoveFromVerdaccio(context, folder, command.optsWithGlobals())),
    );
  const registry = options(new Command("registry"))
    .description("bring packages of any npm registry here, over the network; works beside the server")
    .argument("<url>", "base URL of the registry")
    .option("--token-file <file>", "a token that may read there (default: what npm's configuration has for it)")
    .action(async (url: string, _flags: RegistryFlags, command: Command) =>
      finish(await (await move()).runMoveFromRegistry(context, url, command.optsWithGlobals())),
    );
  return [verdaccio, registry];
}

function options(command: Command): Command {
  return installationOptions(command)
    .option(
      "--names <patterns...>",
      'which packages, such as "@acme/*" left-pad (Verdaccio: default all published there)',
    )
    .option("--accept <rules...>", "rules that publishing refuses by, and that old releases may break")
    .option("--concurrency <number>", "packages under way at once", "4")
    .option("--json", "print the outcome as JSON");
}
