import type { CliContext, ExitCode } from "../context.ts";
import { loadInstallation, type InstallationOptions } from "../rooms.ts";

/** Reads the policies. Those that are refused are wrong use, as they are for a start. */
export async function runPolicyCheck(
  context: CliContext,
  { json, ...installation }: InstallationOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const { config } = await loadInstallation(context, installation);
  const { checkPolicies } = await import("@assay/server/policy-commands/cases");
  const policies = await checkPolicies(config);
  context.stdout.write(
    json === true
      ? `${JSON.stringify({ ok: true, policies, folder: config.identity.policies })}\n`
      : `✓ ${policies} policies hold, those in ${config.identity.policies} among them.\n`,
  );
  return 0;
}
