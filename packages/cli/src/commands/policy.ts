import { Command } from "commander";
import type { CliContext, Finish } from "../context.ts";
import { installationOptions, type InstallationOptions } from "../rooms.ts";

type Options = InstallationOptions & { readonly json?: boolean };

/** `assay policy check | explain | test`: the policies of the installation here, without a server. */
export function policyCommand(context: CliContext, finish: Finish): Command {
  const check = installationOptions(new Command("check"))
    .description("read the policies of this installation as a start does, and say what is wrong with them")
    .option("--json", "print the outcome as JSON")
    .action(async (options: Options) => {
      const { runPolicyCheck } = await import("../policy/check.ts");
      finish(await runPolicyCheck(context, options));
    });
  const test = installationOptions(new Command("test"))
    .description("decide the cases of a file by the policies of this installation, and compare")
    .argument("<file>", "cases in YAML: who, action, what, expect, by")
    .option("--json", "print the outcomes as JSON")
    .action(async (file: string, options: Options) => {
      const { runPolicyTest } = await import("../policy/test-cases.ts");
      finish(await runPolicyTest(context, file, options));
    });
  const explain = installationOptions(new Command("explain"))
    .description("say whether somebody may do something here, by which policy, and from which facts")
    .argument("<who>", "ada, bot:renovate, ci:<id of the trust rule> or anonymous")
    .argument("<action>", "read, publish, tag, administer, …")
    .argument("<what>", "a package's name, organisation:acme, channel:acme/stable or registry")
    .option("--json", "print it as JSON")
    .action(async (who: string, action: string, what: string, options: Options) => {
      const { runPolicyExplain } = await import("../policy/explain.ts");
      finish(await runPolicyExplain(context, { who, action, what }, options));
    });
  return new Command("policy")
    .description("who may do what, and why")
    .addCommand(check)
    .addCommand(explain)
    .addCommand(test);
}
