import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import {
  trustLog,
  trustLogs,
  verifyLockfiles,
  type AcceptableCategory,
  type Lockfile,
  type Report,
  type TrustedLog,
  type TrustPolicy,
} from "../src/index.ts";
import { tinyWorld, type TinyWorld } from "./tiny-effects.ts";

/** As Node hashes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");
/** A key that is not the usual one. */
export const otherSeed = "02".repeat(32);

/** A lockfile as it comes out of the reader. */
export function lockfileOf(packages: readonly { name: string; version: string; integrity: string }[]): Lockfile {
  return {
    client: "npm",
    format: "npm 3",
    packages: packages.map(({ name, version, integrity }) => ({
      name: parsePackageName(name),
      version: parseVersion(version),
      integrity: parseIntegrity(integrity),
      path: `node_modules/${name}`,
    })),
    unpinned: [],
    unverifiable: [],
    skipped: { bundled: 0, links: 0, folders: 0, patched: 0 },
  };
}

/** What `boundLog` binds after its fillers. */
export const some = Array.from({ length: 7 }, (_, i) => ({
  name: i % 2 === 0 ? `p${i}` : `@scope/p${i}`,
  version: `1.${i}.0`,
  integrity: integrityOf(`p${i}`),
}));

/** A lockfile that names the first of `some` and pins nothing. */
export function unpinned(archiveUrl?: string): Lockfile {
  const [first] = lockfileOf(some).packages;
  assert.ok(first);
  const { name, version, path } = first;
  return { ...lockfileOf([]), unpinned: [{ name, version, path, archiveUrl }] };
}

/** A log of many fillers and `some`. */
export async function boundLog(extra = 300): Promise<TinyLog> {
  const log = await createTinyLog({});
  for (let i = 0; i < extra; i += 1) log.bind(`filler${i}`, "1.0.0", integrityOf(`filler${i}`));
  for (const { name, version, integrity } of some) log.bind(name, version, integrity);
  return log;
}

/** Makes the registry answer with what both logs say of these, as one bundle. */
export async function answerWithBoth(
  world: TinyWorld,
  logs: readonly [TinyLog, TinyLog],
  entries: readonly { readonly name: string; readonly version: string }[],
): Promise<void> {
  const parts = await Promise.all(logs.map(async (log) => (await log.bundle(entries)).bundles));
  const both = JSON.stringify({ format: "assay-bundle/v1", bundles: parts.flat(), missing: [] });
  world.tamper = () => both;
}

/** A world whose registry answers with two logs, of which the second binds other bytes to the first of `some`. */
export async function disagreeingWorld(): Promise<{
  readonly world: TinyWorld;
  readonly trust: readonly TrustedLog[];
  readonly second: TinyLog;
}> {
  const log = await boundLog();
  const second = await createTinyLog({ origin: "second.example.com/log", seed: otherSeed });
  const [first] = some;
  assert.ok(first);
  second.bind(first.name, first.version, integrityOf("other"));
  const world = tinyWorld(log);
  await answerWithBoth(world, [log, second], [first]);
  return { world, trust: [trustLog(log.vkey), trustLog(second.vkey)], second };
}

/** Runs the check of `some` in this world, trusting its log, unless told otherwise. */
export async function check(
  world: TinyWorld,
  options: {
    readonly lockfile?: Lockfile;
    readonly trust?: readonly TrustedLog[];
    readonly offlineBundle?: Uint8Array;
    /** Saved earlier, but the log's history may be fetched. */
    readonly bundle?: Uint8Array;
    readonly allow?: readonly string[];
    readonly accept?: readonly AcceptableCategory[];
    readonly policy?: Partial<TrustPolicy>;
  } = {},
): Promise<Report & { readonly bundle: Uint8Array | undefined }> {
  const { reports, bundle } = await verifyLockfiles(
    { sha256, effects: world.effects },
    {
      lockfiles: [options.lockfile ?? lockfileOf(some)],
      policy: {
        ...trustLogs(options.trust ?? [trustLog(world.log.vkey)]),
        accept: new Set(options.accept),
        allow: new Set(options.allow),
        ...options.policy,
      },
      bundle: options.offlineBundle ?? options.bundle,
      isOffline: options.offlineBundle !== undefined,
      registry: "https://registry.example.com",
      onProgress: () => {},
    },
  );
  const [report] = reports;
  assert.ok(report);
  return { ...report, bundle };
}
