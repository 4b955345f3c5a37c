import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { loadInstallation, type InstallationOptions } from "../rooms.ts";

/** Decides the cases of a file; 1 when one comes out otherwise than it says. */
export async function runPolicyTest(
  context: CliContext,
  file: string,
  { json, ...installation }: InstallationOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const path = resolve(context.cwd, file);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw wrongUse(`${file} cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  });
  const { config } = await loadInstallation(context, installation);
  const { testPolicies } = await import("@assay/server/policy-commands/cases");
  const outcomes = await testPolicies(config, { log: logTo(context) }, { text, path: file });
  const failed = outcomes.filter(({ ok }) => !ok).length;
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: failed === 0, cases: outcomes }, undefined, 2)}\n`);
    return failed === 0 ? 0 : 1;
  }
  for (const { title, ok, got, expected } of outcomes)
    context.stdout.write(ok ? `✓ ${title}: ${got}\n` : `✗ ${title}: ${got}; expected: ${expected}\n`);
  context.stdout.write(
    failed === 0 ? `All ${outcomes.length} cases hold.\n` : `\n${failed} of ${outcomes.length} cases do not hold.\n`,
  );
  return failed === 0 ? 0 : 1;
}

/** What the decision itself has to say; only errors are worth a line here. */
function logTo({ stderr }: CliContext) {
  const quiet = (): void => undefined;
  return { debug: quiet, info: quiet, warn: quiet, error: (message: string) => void stderr.write(`${message}\n`) };
}
