import { Command } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { installationOptions, openInstallation, type InstallationOptions } from "../rooms.ts";
import { upstreamTokenCommand } from "./upstream-token.ts";

interface UpstreamOptions extends InstallationOptions {
  readonly json?: boolean;
}

/** `assay upstream`: the registries and mirrors behind this one, and mirrors that were put aside. */
export function upstreamCommand(context: CliContext, finish: Finish): Command {
  const list = installationOptions(new Command("list"))
    .description("show every registry and mirror, and which mirrors are put aside and why")
    .option("--json", "print them as JSON")
    .action(async (options: UpstreamOptions) => {
      finish(await runList(context, options));
    });
  const restore = installationOptions(new Command("restore"))
    .description("ask a mirror again that was put aside because it served wrong bytes")
    .argument("<alias>", "the mirror's alias in assay.yaml")
    .option("--json", "print the outcome as JSON")
    .action(async (alias: string, options: UpstreamOptions) => {
      finish(await runRestore(context, alias, options));
    });
  return new Command("upstream")
    .description("registries and mirrors that packages are read from")
    .addCommand(list)
    .addCommand(restore)
    .addCommand(upstreamTokenCommand(context, finish));
}

async function runList(context: CliContext, { json, ...installation }: UpstreamOptions): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const aside = await rooms.upstreams.standing.aside();
  const upstreams = opened.loaded.config.upstreams.map(({ name, kind, of, operator, url, names }) => {
    const { untilMs, ...put } = aside.get(name) ?? {};
    const putAside = untilMs === undefined ? null : { until: new Date(untilMs).toISOString(), ...put };
    return { alias: name, kind, of: of ?? null, operator, url, names, putAside };
  });
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok: true, upstreams }, undefined, 2)}\n`);
    return 0;
  }
  for (const { alias, kind, of, operator, url, names, putAside } of upstreams) {
    const what = of === null ? `registry, owns ${names.join(", ")}` : `${kind} of ${of}`;
    context.stdout.write(`${putAside === null ? "✓" : "✗"} ${alias}  ${url}\n    ${what}; run by ${operator}\n`);
    if (putAside !== null) {
      context.stdout.write(
        `    put aside until ${putAside.until}: wrong bytes of ${putAside.name}@${putAside.version} (${putAside.reason})\n    ask it again: assay upstream restore ${alias}\n`,
      );
    }
  }
  return 0;
}

async function runRestore(
  context: CliContext,
  alias: string,
  { json, ...installation }: UpstreamOptions,
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  const known = opened.loaded.config.upstreams.map(({ name }) => name);
  if (!known.includes(alias)) throw wrongUse(`${alias} is no upstream here; there are ${known.join(", ")}.`);
  const restored = await rooms.upstreams.standing.restore(alias);
  const message = restored ? `${alias} is asked again.` : `${alias} was not put aside; nothing was changed.`;
  context.stdout.write(json === true ? `${JSON.stringify({ ok: restored, alias, restored })}\n` : `${message}\n`);
  return restored ? 0 : 1;
}
