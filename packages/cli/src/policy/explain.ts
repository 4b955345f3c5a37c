import type { CliContext, ExitCode } from "../context.ts";
import { openInstallation, type InstallationOptions } from "../rooms.ts";

/** Says whether somebody may do something here, by which policy, and what it looked at; 0 when allowed, else 1. */
export async function runPolicyExplain(
  context: CliContext,
  asked: { readonly who: string; readonly action: string; readonly what: string },
  { json, ...installation }: InstallationOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const { rooms } = await openInstallation(context, installation);
  await using _rooms = rooms;
  const explanation = await rooms.hosting.explain(asked);
  const { result, policy, reason, organisation, inForce, facts } = explanation;
  if (json === true) context.stdout.write(`${JSON.stringify(explanation, undefined, 2)}\n`);
  else {
    context.stdout.write(
      `${asked.who} ${asked.action} ${asked.what}: ${result}\n` +
        `decided by: ${policy ?? "no policy allows it"}\n` +
        `because: ${reason}\n` +
        `belongs to: ${organisation ?? "no organisation here"}\n` +
        `policies that hold: ${inForce.join(", ")}\n` +
        "facts:\n",
    );
    for (const { uid, attrs, parents } of facts)
      context.stdout.write(`  ${JSON.stringify(uid)} in ${JSON.stringify(parents)}: ${JSON.stringify(attrs)}\n`);
  }
  return result === "allowed" ? 0 : 1;
}
