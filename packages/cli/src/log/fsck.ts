import { createRecordAudit, type AuditedShard } from "@assay/core";
import { sha256 } from "@assay/verify/node";
import type { CliContext, ExitCode } from "../context.ts";
import { createProgress } from "../progress.ts";
import { loadInstallation } from "../rooms.ts";
import { openRemoteSource } from "./remote-source.ts";
import type { LogSource, ShardOfSource, SourceOptions } from "./source.ts";

interface Finding {
  readonly severity: "error" | "warning";
  readonly shard: string;
  readonly message: string;
}

/** More are not printed: such a log is broken enough. */
const mostFindings = 1000;
/** Most entries of another log whose packages are followed at once; about 512 MiB. */
const entriesInMemory = 4 * 1024 * 1024;

/** Recomputes a log from its entries: the one that is stored here, or another one by its URL. */
export async function runFsck(
  context: CliContext,
  { url, trust, state, json, log = "npm", ...installation }: SourceOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const progress = createProgress(context, "Checking");
  const onProgress = (done: number, total: number): void => progress.update(done, total, "entries");
  let entries = 0;
  const counting = (done: number, total: number): void => {
    entries = total;
    onProgress(done, total);
  };
  let findings: readonly Finding[];
  try {
    if (url === undefined) {
      const loaded = await loadInstallation(context, installation);
      const { checkStoredLog } = await import("@assay/server/log-commands/fsck");
      findings = await checkStoredLog(loaded, { logTo: context.stderr, onProgress: counting });
    } else {
      await using source = await openRemoteSource(context, { url, trust, state, log });
      findings = await auditRemote(source, counting);
    }
  } finally {
    progress.end();
  }
  const ok = findings.every(({ severity }) => severity !== "error");
  if (json === true) {
    context.stdout.write(`${JSON.stringify({ ok, entries, findings }, undefined, 2)}\n`);
    return ok ? 0 : 1;
  }
  for (const { severity, shard, message } of findings)
    context.stdout.write(`${severity === "error" ? "✗" : "!"} ${shard}: ${message}\n`);
  context.stdout.write(
    ok ? `✓ ${entries} entries, and everything that follows from them.\n` : "\nThis log is not sound.\n",
  );
  return ok ? 0 : 1;
}

/** The tiles lead to the signed root, which reading them checks; the records are followed here. */
async function auditRemote(
  source: LogSource,
  onProgress: (done: number, total: number) => void,
): Promise<readonly Finding[]> {
  const lineage: HeldShard[] = [];
  for (const shard of (await source.shards()).toReversed())
    lineage.push({ ...shard, ...(await source.head(shard.shard)) });
  const total = lineage.reduce((sum, { size }) => sum + size, 0);
  const parts = Math.max(1, Math.ceil(total / entriesInMemory));
  const findings: Finding[] = [];
  let done = 0;
  for (let part = 0; part < parts; part += 1) {
    let at = "";
    const audit = createRecordAudit(
      { sha256 },
      {
        part,
        parts,
        // A log of somebody else may be younger than this program.
        unknownKinds: "skip",
        report({ index, reason }) {
          if (findings.length < mostFindings)
            findings.push({ severity: "error", shard: at, message: `entry ${index} ${reason}` });
        },
      },
    );
    for (const [i, shard] of lineage.entries()) {
      at = shard.shard;
      audit.beginShard(auditedShard(shard, lineage[i - 1], lineage[i + 1]));
      for await (const { index, text } of source.records(at, 0, shard.size)) {
        audit.follow(index, text);
        onProgress((done += 1), total * parts);
      }
      audit.endShard();
    }
  }
  return findings;
}

type HeldShard = ShardOfSource & { readonly size: number; readonly root: string };

/** Which shards are linked is known from those that are trusted. */
function auditedShard(
  { state, visibility }: HeldShard,
  before: HeldShard | undefined,
  after: HeldShard | undefined,
): AuditedShard {
  return {
    isPrivate: visibility === "private",
    from: 0,
    predecessor: before && { origin: before.origin, final: { size: before.size, root: before.root } },
    successor: state === "frozen" ? after?.origin : undefined,
  };
}
