import { parsePackageName, type PackageName, type Version } from "@assay/core";
import type { CliContext, ExitCode } from "../context.ts";
import { terminal } from "../people/accounts.ts";
import { parseRelease } from "../release.ts";
import { openInstallation, openInstallationToWrite, type InstallationOptions } from "../rooms.ts";

interface NamesOptions extends InstallationOptions {
  readonly json?: boolean;
}

export interface ListOptions extends NamesOptions {
  readonly organisation?: string;
}

export interface ClaimOptions extends NamesOptions {
  readonly organisation: string;
  readonly visibility: "public" | "restricted";
}

export interface UnpublishOptions extends NamesOptions {
  readonly reason: string;
}

export async function runList(
  { stdout, ...context }: CliContext,
  { json, organisation, ...installation }: ListOptions,
): Promise<ExitCode> {
  const opened = await openInstallation({ stdout, ...context }, installation);
  await using rooms = opened.rooms;
  const packages = rooms.names
    .packages(organisation)
    .map((one) => ({ name: one.name, organisation: one.organisation, visibility: one.visibility }));
  if (json === true) stdout.write(`${JSON.stringify({ ok: true, packages }, undefined, 2)}\n`);
  else if (packages.length === 0) stdout.write("No package lives here.\n");
  else for (const one of packages) stdout.write(`${one.name}  ${one.organisation}  ${one.visibility}\n`);
  return 0;
}

export async function runClaim(
  context: CliContext,
  text: string,
  { json, organisation, visibility, ...installation }: ClaimOptions,
): Promise<ExitCode> {
  const name = parsePackageName(text);
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.names.assign(terminal, { name, organisation, visibility });
  context.stdout.write(
    json === true
      ? `${JSON.stringify({ ok: true, name, organisation, visibility })}\n`
      : `${name} is a name of ${organisation}, ${visibility}. No upstream is asked for it any more.\n`,
  );
  return 0;
}

export async function runUnpublish(
  context: CliContext,
  what: string,
  { json, reason, ...installation }: UnpublishOptions,
): Promise<ExitCode> {
  const { name, version } = nameAndVersion(what);
  const opened = await openInstallationToWrite(context, installation);
  await using rooms = opened.rooms;
  const versions = await rooms.publishing.removeByForce(terminal, { name, version, reason });
  context.stdout.write(
    json === true
      ? `${JSON.stringify({ ok: true, name, versions, reason })}\n`
      : `Unpublished: ${versions.map((each) => `${name}@${each}`).join(", ")}. These numbers are never used again.\n`,
  );
  return 0;
}

function nameAndVersion(what: string): { readonly name: PackageName; readonly version: Version | undefined } {
  return what.includes("@", 1) ? parseRelease(what) : { name: parsePackageName(what), version: undefined };
}
