import { Command, InvalidArgumentError } from "commander";
import type { CliContext, ExitCode, Finish } from "../context.ts";
import { installationOptions, openInstallation, type InstallationOptions } from "../rooms.ts";

interface KeysOptions extends InstallationOptions {
  readonly json?: boolean;
}

interface RetireOptions extends KeysOptions {
  readonly upstream: string;
  readonly since?: number;
}

/** `assay keys list|rotate|retire`: the keys of registry signatures, ours and the upstreams'. Safe beside a server. */
export function keysCommand(context: CliContext, finish: Finish): Command {
  const list = withOptions(new Command("list"))
    .description("every registry key that was ever seen, with its owner and its end")
    .action(async (options: KeysOptions) => finish(await runList(context, options)));
  const rotate = withOptions(new Command("rotate"))
    .description("make a new key of ours; the one before it ends a minute later and stays listed")
    .action(async (options: KeysOptions) => finish(await runRotate(context, options)));
  const retire = withOptions(new Command("retire"))
    .description("end an upstream's key for good: what it signed from then on is refused")
    .argument("<keyid>", "as assay keys list shows it")
    .requiredOption("--upstream <alias>", "whose key it is")
    .option("--since <time>", "when it was stolen, such as 2026-11-25T10:00:00Z (default: now)", parseTime)
    .action(async (keyid: string, options: RetireOptions) => finish(await runRetire(context, keyid, options)));
  return new Command("keys")
    .description("keys of registry signatures")
    .addCommand(list)
    .addCommand(rotate)
    .addCommand(retire);
}

function withOptions(command: Command): Command {
  return installationOptions(command).option("--json", "print the outcome as JSON");
}

function parseTime(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw new InvalidArgumentError("a date, or a time with its zone, is expected");
  return ms;
}

async function runList(context: CliContext, { json, ...installation }: KeysOptions): Promise<ExitCode> {
  await using rooms = (await openInstallation(context, installation)).rooms;
  const keys = rooms.registrySigning.ring.list().map(({ owner, keyid, firstSeenMs, expiresMs, end }) => ({
    owner,
    keyid,
    firstSeen: new Date(firstSeenMs).toISOString(),
    ends: expiresMs === undefined ? null : new Date(expiresMs).toISOString(),
    why: end ?? null,
  }));
  if (json === true) context.stdout.write(`${JSON.stringify({ ok: true, keys })}\n`);
  else
    for (const { owner, keyid, firstSeen, ends, why } of keys) {
      const whose = owner === "hosted" ? "ours" : owner;
      const end = ends === null ? "" : `, ${why === "expires" ? "expires" : (why ?? "")} ${ends}`;
      context.stdout.write(`${keyid}  ${whose}, seen since ${firstSeen}${end}\n`);
    }
  return 0;
}

async function runRotate(context: CliContext, { json, ...installation }: KeysOptions): Promise<ExitCode> {
  await using rooms = (await openInstallation(context, installation)).rooms;
  const { added, retired } = await rooms.registrySigning.rotate();
  const message = `${added} signs from now on. ${retired.join(", ")} ends in a minute; what it signed stays good.`;
  context.stdout.write(json === true ? `${JSON.stringify({ ok: true, added, retired })}\n` : `${message}\n`);
  return 0;
}

async function runRetire(
  context: CliContext,
  keyid: string,
  { json, upstream, since, ...installation }: RetireOptions,
): Promise<ExitCode> {
  await using rooms = (await openInstallation(context, installation)).rooms;
  const atMs = since ?? Date.now();
  const ok = await rooms.registrySigning.retire(upstream, keyid, atMs);
  const at = new Date(atMs).toISOString();
  const message = ok
    ? `${keyid} of upstream ${upstream} ended ${at}: versions that it signed and that were published later are refused, unless they are bound already.`
    : `Upstream ${upstream} has no key ${keyid}; assay keys list shows all. Nothing was changed.`;
  context.stdout.write(
    json === true ? `${JSON.stringify({ ok, keyid, upstream, ended: ok ? at : null })}\n` : `${message}\n`,
  );
  return ok ? 0 : 1;
}
