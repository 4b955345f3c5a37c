import { Command } from "commander";
import type { CheckOptions } from "../check/check.ts";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions } from "../rooms.ts";

/** `assay check`: what publishing would refuse, before anything is sent. */
export function checkCommand(context: CliContext, finish: Finish): Command {
  return installationOptions(new Command("check"))
    .description("say what a publish of this package would be refused for; packs it with npm, sends nothing")
    .argument("[what]", "a folder with a package.json, or a tarball", ".")
    .option("--tag <tag>", "as it would be published with", "latest")
    .option("--registry <url>", "where it would be published (default: what package.json or npm's configuration says)")
    .option("--offline", "ask no registry whether the number is free")
    .option("--json", "print the findings as JSON")
    .action(async (what: string, options: CheckOptions) => {
      const { runCheck } = await import("../check/check.ts");
      finish(await runCheck(context, what, options));
    });
}
