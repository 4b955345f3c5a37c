import { Command } from "commander";
import { parsePackageName, parseVersion } from "@assay/core";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import type { Finish } from "../program.ts";

interface FreeOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** `assay quarantine free <name>@<version>`: a person decides that a refused release may be served again. */
export function quarantineCommand(context: CliContext, finish: Finish): Command {
  const free = new Command("free")
    .description("serve a version again that was refused because its upstream removed it early")
    .argument("<name@version>", "the release, such as left-pad@1.3.0")
    .option("--config <file>", "configuration file (default: assay.yaml here, if there is one)")
    .option("--data <folder>", "the data folder")
    .option("--json", "print the outcome as JSON")
    .action(async (release: string, options: FreeOptions) => {
      finish(await runFree(context, release, options));
    });
  return new Command("quarantine").description("releases that are not served").addCommand(free);
}

async function runFree(context: CliContext, release: string, { json, ...flags }: FreeOptions): Promise<ExitCode> {
  const at = release.lastIndexOf("@");
  if (at <= 0) throw wrongUse(`${JSON.stringify(release)} is not <name>@<version>.`);
  const name = parsePackageName(release.slice(0, at));
  const version = parseVersion(release.slice(at + 1));
  const { loadConfig } = await import("@assay/server/load");
  const { openRooms } = await import("@assay/server/app");
  const loaded = await loadConfig({ flags, env: context.env, cwd: context.cwd });
  await using rooms = await openRooms(loaded, { logTo: context.stderr });
  const freed = await rooms.releases.free(name, version);
  const message = freed
    ? `${name}@${version} is served again.`
    : `${name}@${version} was not refused; nothing was changed.`;
  context.stdout.write(json === true ? `${JSON.stringify({ ok: freed, name, version, freed })}\n` : `${message}\n`);
  return freed ? 0 : 1;
}
