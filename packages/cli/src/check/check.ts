import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isAssayError, isPlainObject, parseJson } from "@assay/core";
import type { CheckedTarball } from "@assay/server/publishing";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { loadInstallation, type InstallationOptions } from "../rooms.ts";
import { plainLine } from "../plain-line.ts";
import { sizeText } from "../size-text.ts";
import { askRegistry, type Asked } from "./ask-registry.ts";
import { adviceFor } from "./advice.ts";
import { packFolder } from "./pack.ts";

export interface CheckOptions extends InstallationOptions {
  readonly tag: string;
  readonly registry?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** One thing that a publish would be refused for, and what to do about it. */
interface Finding {
  readonly rule: string;
  readonly reason: string;
  readonly advice: string | undefined;
}

/** Packs a folder as npm does, or takes a tarball, and runs the server's own steps over it. */
export async function runCheck(context: CliContext, what: string, options: CheckOptions): Promise<ExitCode> {
  const path = resolve(context.cwd, what);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw wrongUse(`${what} is not there; give a folder with a package.json, or a tarball.`);
  const loaded = await loadInstallation(context, options, { needsUpstream: false });
  const scratch = await mkdtemp(join(tmpdir(), "assay-check-"));
  try {
    const tarball = found.isDirectory() ? await packFolder(context, path, scratch) : path;
    // Read after packing, as npm does: scripts may have changed it.
    const manifest = found.isDirectory() ? await manifestOf(path) : undefined;
    const { checkRelease } = await import("@assay/server/check-release");
    const checked = await checkRelease(loaded, { path: tarball, manifest, tag: options.tag });
    const findings: Finding[] = checked.complaints.map(({ rule, error }) => {
      const { reason = error.message } = error.details as { readonly reason?: string };
      return { rule, reason, advice: adviceFor(rule) };
    });
    const asked =
      options.offline === true || checked.contents === undefined
        ? undefined
        : await askRegistry(found.isDirectory() ? { ...context, cwd: path } : context, checked, {
            registry: options.registry,
            manifest,
          });
    if (asked?.taken !== undefined)
      findings.push({ rule: "publish/taken", reason: asked.taken, advice: adviceFor("publish/taken") });
    const notes = [
      ...(asked?.notes ?? []),
      ...(checked.provenance === "require" ? [adviceFor("provenance/missing") ?? ""] : []),
    ];
    tell(context, checked, { findings, notes, asked }, options.json === true);
    return findings.length === 0 ? 0 : 1;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function manifestOf(folder: string): Promise<Record<string, unknown>> {
  const file = join(folder, "package.json");
  const text = await readFile(file, "utf8").catch(() => {
    throw wrongUse(`${folder} has no package.json.`);
  });
  try {
    const { value } = parseJson(text.replace(/^\ufeff/, ""));
    if (isPlainObject(value)) return value;
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
  }
  throw wrongUse(`${file} is no JSON object.`);
}

interface Said {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly asked: Asked | undefined;
}

function tell({ stdout }: CliContext, checked: CheckedTarball, { findings, notes, asked }: Said, json: boolean): void {
  const { name, version, sizeBytes, contents, integrity } = checked;
  if (json) {
    const outcome = {
      ok: findings.length === 0,
      name,
      version,
      integrity,
      sizeBytes,
      contents,
      registry: asked?.registry,
    };
    stdout.write(`${JSON.stringify({ ...outcome, findings, notes }, undefined, 2)}\n`);
    return;
  }
  const size = contents === undefined ? sizeText(sizeBytes) : `${contents.files} files, ${sizeText(sizeBytes)} packed`;
  const lines = [`${name}@${version}: ${size}`];
  for (const { rule, reason, advice } of findings) {
    lines.push(`✗ ${rule}: ${reason}`);
    if (advice !== undefined) lines.push(`    ${advice}`);
  }
  for (const note of notes) lines.push(`! ${note}`);
  const where = asked?.isFree === true ? `; the number is free at ${asked.registry}` : "";
  lines.push(
    findings.length === 0
      ? `✓ Nothing in it would be refused${where}.`
      : `${findings.length} ${findings.length === 1 ? "thing" : "things"} would be refused.`,
  );
  stdout.write(`${lines.map(plainLine).join("\n")}\n`);
}
