import { Command } from "commander";
import { parsePackageName } from "@assay/core";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { installationOptions, openInstallation, type InstallationOptions } from "../rooms.ts";

interface DelegationOptions extends InstallationOptions {
  readonly json?: boolean;
}

/** `assay delegation`: packages that say that they moved to another registry. */
export function delegationCommand(context: CliContext, finish: Finish): Command {
  const list = installationOptions(new Command("list"))
    .description("show which packages say so, where they want to go, and what is in the way")
    .option("--json", "print them as JSON")
    .action(async (options: DelegationOptions) => finish(await runList(context, options)));
  const accept = installationOptions(new Command("accept"))
    .description("have the new registry own the name from now on")
    .argument("<name>", "the package")
    .option("--json", "print the outcome as JSON")
    .action(async (name: string, options: DelegationOptions) => finish(await runAccept(context, name, options)));
  const refuse = installationOptions(new Command("refuse"))
    .description("leave the name where it is, whatever this release of it says")
    .argument("<name>", "the package")
    .option("--json", "print the outcome as JSON")
    .action(async (name: string, options: DelegationOptions) => finish(await runRefuse(context, name, options)));
  return new Command("delegation")
    .description("packages that moved to another registry")
    .addCommand(list)
    .addCommand(accept)
    .addCommand(refuse);
}

async function runList(context: CliContext, { json, ...installation }: DelegationOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const delegations = await rooms.delegations.list();
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, delegations }, undefined, 2)}\n`);
    return 0;
  }
  if (delegations.length === 0) context.stdout.write("No package says that it moved.\n");
  for (const { name, version, state, fromAlias, toUrl, problem } of delegations) {
    context.stdout.write(`${name}  ${state}\n    ${version} says: from ${fromAlias} to ${toUrl}\n`);
    if (problem !== undefined) context.stdout.write(`    in the way: ${problem}\n`);
    if (state === "asking") context.stdout.write(`    decide: assay delegation accept ${name}, or refuse ${name}\n`);
  }
  return 0;
}

async function runAccept(
  context: CliContext,
  given: string,
  { json, ...installation }: DelegationOptions,
): Promise<ExitCode> {
  const name = parsePackageName(given);
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const problem = await rooms.delegations.accept(name);
  const ok = problem === undefined;
  if (json === true) context.stdout.write(`${JSON.stringify({ ok, name, problem: problem ?? null })}\n`);
  else if (ok)
    context.stdout.write(`${name} lives at ${rooms.upstreams.ownerOf(name)} from now on; what is bound stays bound.\n`);
  else context.stderr.write(`assay: ${name} stays where it is: ${problem}.\n`);
  return ok ? 0 : 1;
}

async function runRefuse(
  context: CliContext,
  given: string,
  { json, ...installation }: DelegationOptions,
): Promise<ExitCode> {
  const name = parsePackageName(given);
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.delegations.refuse(name);
  context.stdout.write(json === true ? `${JSON.stringify({ ok: true, name })}\n` : `${name} stays where it is.\n`);
  return 0;
}
