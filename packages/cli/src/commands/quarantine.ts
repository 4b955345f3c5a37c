import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { parseRelease } from "../release.ts";
import { installationOptions, openInstallation, type InstallationOptions } from "../rooms.ts";

interface FreeOptions extends InstallationOptions {
  readonly json?: boolean;
}

/** `assay quarantine free <name>@<version>`: a person decides that a refused release may be served again. */
export function quarantineCommand(context: CliContext, finish: Finish): Command {
  const free = installationOptions(new Command("free"))
    .description("serve a version again that was refused because its upstream removed it early")
    .argument("<name@version>", "the release, such as left-pad@1.3.0")
    .option("--json", "print the outcome as JSON")
    .action(async (release: string, options: FreeOptions) => {
      finish(await runFree(context, release, options));
    });
  return new Command("quarantine").description("releases that are not served").addCommand(free);
}

async function runFree(
  context: CliContext,
  release: string,
  { json, ...installation }: FreeOptions,
): Promise<ExitCode> {
  const { name, version } = parseRelease(release);
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const freed = await rooms.releases.free(name, version);
  const message = freed
    ? `${name}@${version} is served again.`
    : `${name}@${version} was not refused; nothing was changed.`;
  context.stdout.write(json === true ? `${JSON.stringify({ ok: freed, name, version, freed })}\n` : `${message}\n`);
  return freed ? 0 : 1;
}
