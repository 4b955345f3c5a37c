import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { parseRecord } from "@assay/core";
import { checkTrail, parseEntryLine, type Anchor, type AuditEntry, type TrailCheck } from "@assay/server/audit-trail";
import type { CliContext, ExitCode } from "../context.ts";
import { openSource, type SourceOptions } from "../log/source.ts";
import { createProgress } from "../progress.ts";
import { openInstallation } from "../rooms.ts";

/** Of the log that holds the anchors of a registry's own trail. */
const registryLog = "registry";

/** Recomputes the trail and holds it against the log; 1 when anything is not as it was written down. */
export async function runAuditVerify(
  context: CliContext,
  { file, json, ...source }: SourceOptions & { readonly file?: string; readonly json?: boolean },
): Promise<ExitCode> {
  const anchors = await readAnchors(context, source);
  const check =
    file === undefined
      ? await checkHere(context, source, anchors)
      : await checkFile(resolve(context.cwd, file), anchors);
  const ok = check.problems.length === 0;
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok, ...check }, undefined, 2)}\n`);
    return ok ? 0 : 1;
  }
  for (const problem of check.problems) context.stdout.write(`✗ ${problem}\n`);
  if (ok)
    context.stdout.write(
      `✓ ${check.acts} acts as they were written down; up to act ${check.anchored} the log says so too, ${check.anchors} times.\n`,
    );
  else context.stdout.write("\nThe audit trail was changed.\n");
  return ok ? 0 : 1;
}

async function checkHere(context: CliContext, source: SourceOptions, anchors: readonly Anchor[]): Promise<TrailCheck> {
  const opened = await openInstallation(context, source);
  await using rooms = opened.rooms;
  return await checkTrail(rooms.audit.all(), anchors);
}

async function checkFile(path: string, anchors: readonly Anchor[]): Promise<TrailCheck> {
  await using file = await open(path);
  async function* entries(): AsyncGenerator<AuditEntry> {
    for await (const line of file.readLines({ autoClose: false })) if (line !== "") yield parseEntryLine(line);
  }
  return await checkTrail(entries(), anchors);
}

/** All `audit` records of the registry's log, under its signature. */
async function readAnchors(context: CliContext, options: SourceOptions): Promise<readonly Anchor[]> {
  const progress = createProgress(context, "Reading the log");
  const anchors: Anchor[] = [];
  try {
    await using source = await openSource(context, { ...options, log: registryLog }, context.stopSignal());
    for (const { shard } of (await source.shards()).toReversed()) {
      const { size } = await source.head(shard);
      for await (const { index, text } of source.records(shard, 0, size)) {
        if (text.startsWith("assay/v1 audit\n")) {
          const record = parseRecord(text);
          if (record.kind === "audit" && "chain" in record) anchors.push({ acts: record.acts, chain: record.chain });
        }
        progress.update(index + 1, size, "records");
      }
    }
  } finally {
    progress.end();
  }
  return anchors;
}
