import { Command, Option } from "commander";
import type { ApprovalsOptions, DecideOptions, ListOptions } from "../approvals/approvals.ts";
import type { CliContext, Finish } from "../context.ts";

/** `assay approvals list | show | approve | reject`: what waits for people at a registry, with the token that npm has. */
export function approvalsCommand(context: CliContext, finish: Finish): Command {
  const make = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .option("--registry <url>", "the registry to ask (default: npm's)")
      .option("--json", "print the registry's answer as JSON");
  const run = () => import("../approvals/approvals.ts");

  const list = make("list", "show what waits and may be seen")
    .addOption(
      new Option("--state <state>", "what became of it")
        .choices(["waiting", "done", "rejected", "expired"])
        .default("waiting"),
    )
    .action(async (options: ListOptions) => finish(await (await run()).runList(context, options)));
  const show = make("show", "show one with all that is approved")
    .argument("<id>", "32 letters and digits, from the list or from what a client said")
    .action(async (id: string, options: ApprovalsOptions) => finish(await (await run()).runShow(context, id, options)));
  const decide = (verdict: "approve" | "reject", description: string): Command =>
    make(verdict, description)
      .argument("<id>", "which one")
      .option("--reason <text>", "why; it stands beside the vote")
      .option("--otp <code>", "of the authenticator app, or a recovery code; without it the browser confirms")
      .action(async (id: string, options: DecideOptions) =>
        finish(await (await run()).runDecide(context, verdict, id, options)),
      );
  const approvals = new Command("approvals").description("operations that wait until enough people agree");
  approvals.addCommand(list).addCommand(show);
  approvals.addCommand(decide("approve", "agree; the last one that is needed carries it out"));
  approvals.addCommand(decide("reject", "end it, with a reason; who asked takes it back without one"));
  return approvals;
}
