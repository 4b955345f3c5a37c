/** A monitor over a log on a loopback socket. For tests only. */
import { Writable } from "node:stream";
import { formatRecord, logIndex, parsePackageName, parseVersion, type Integrity, type KnownRecord } from "@assay/core";
import { anyCheckpoint, type FollowPolicy } from "@assay/verify";
import { integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { createMonitorApp, type MonitorApp, type MonitorConfig, type Round } from "../monitor-app.ts";
import type { StoredFinding } from "./monitoring.ts";

export interface TestMonitor extends AsyncDisposable {
  readonly app: MonitorApp;
  /** Log lines. */
  readonly lines: string[];
  look(signal?: AbortSignal): Promise<Round>;
  findings(): Promise<readonly StoredFinding[]>;
}

const never = new AbortController().signal;

/** A monitor of this log at this registry, on what is in the folder. */
export async function startMonitor(
  folder: string,
  logs: readonly { readonly vkey: string; readonly url: string; readonly policy?: FollowPolicy }[],
  change: Partial<MonitorConfig> = {},
): Promise<TestMonitor> {
  const lines: string[] = [];
  const logTo = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trimEnd().split("\n"));
      done();
    },
  });
  const config: MonitorConfig = {
    stateFolder: folder,
    logs: logs.map(({ vkey, url, policy = anyCheckpoint }) => ({ vkey, url, policy })),
    scopes: [],
    expectedFile: undefined,
    expectedGraceMs: 0,
    registry: undefined,
    samplesPerRound: 0,
    webhooks: [],
    listen: undefined,
    ...change,
  };
  const app = await createMonitorApp(config, { logTo });
  return {
    app,
    lines,
    look: (signal = never) => app.monitor.round(signal, () => {}),
    findings: () => app.monitor.findings(0),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

type Change = Partial<KnownRecord> & {
  readonly integrity?: Integrity;
  readonly manifest?: string;
  readonly size?: number;
};

/** Appends records to a tiny log with the places that a good log gives them. */
export function createWriter(log: TinyLog) {
  const last = new Map<string, { readonly seq: number; readonly index: number }>();
  let time = 1_795_255_200;

  function append(facts: object, name: string, change: Partial<KnownRecord> = {}): number {
    const before = last.get(name);
    const seq = (before?.seq ?? 0) + 1;
    const place = { seq, prev: before === undefined ? "-" : logIndex(before.index), time: (time += 1), nonce: "-" };
    const index = log.append(formatRecord({ ...facts, ...place, ...change } as KnownRecord));
    last.set(name, { seq, index });
    return index;
  }

  const release = (name: string, version: string) => ({
    ns: "npm",
    name: parsePackageName(name),
    version: parseVersion(version),
    integrity: integrityOf(`${name}@${version}`),
    tree: `t1-${"A".repeat(43)}=`,
    manifest: `sha256-${"A".repeat(43)}=`,
    size: 1234,
    source: "npm",
    signer: "-",
  });
  const standing = new Map<string, number>();
  const approval = `sha256-${"A".repeat(43)}=`;

  return {
    /** A good bind, but for what is changed. */
    bind(name: string, version: string, change: Change = {}): number {
      const index = append({ kind: "bind", ...release(name, version) }, name, change);
      standing.set(`${name}@${version}`, index);
      return index;
    },
    /** Replaces what was bound, but for what is changed. */
    supersede(name: string, version: string, change: Change = {}): number {
      const supersedes = logIndex(standing.get(`${name}@${version}`) ?? 0);
      return append({ kind: "supersede", ...release(name, version), supersedes, approval }, name, change);
    },
    gone(name: string, version: string) {
      return append(
        { kind: "gone", ns: "npm", name: parsePackageName(name), version: parseVersion(version), source: "npm" },
        name,
      );
    },
  };
}
