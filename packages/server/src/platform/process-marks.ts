import { readFileSync, readlinkSync } from "node:fs";

/** By what processes of one machine know each other, also after a crash. */
export interface ProcessMarks {
  /** Of this process, one line; undefined where processes cannot be told apart for certain. */
  readonly own: string | undefined;
  /** True only when the process with this mark has ended for certain. Of another machine, container or start of it: false. */
  isGone(mark: string): boolean;
}

/** Where nobody is known. */
export const noProcessMarks: ProcessMarks = { own: undefined, isGone: () => false };

/**
 * Linux: the start of the machine, the namespace in which numbers of processes count, the number, and when it began
 * (proc(5), pid_namespaces(7)): of two processes at least one of these differs. Elsewhere nobody is known.
 */
export function createProcessMarks(pid = process.pid): ProcessMarks {
  const place = placeOf();
  const began = beganAt(pid);
  if (place === undefined || began === undefined || began === "gone") return noProcessMarks;
  return {
    own: `${place} ${pid} ${began}`,
    isGone(mark) {
      const [, where, number, then] = /^(\S+ \S+) ([1-9][0-9]{0,9}) ([0-9]+)$/.exec(mark) ?? [];
      if (where !== place || number === undefined) return false;
      const now = beganAt(Number(number));
      return now !== undefined && now !== then;
    },
  };
}

function placeOf(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const place = `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
    return /^\S+ \S+$/.test(place) ? place : undefined;
  } catch {
    return undefined;
  }
}

/** Clock ticks since the machine's start; undefined: it is there, and more cannot be seen. */
function beganAt(pid: number): string | undefined {
  try {
    // Asked first: it tells of processes that /proc may hide.
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return "gone";
    if (codeOf(error) !== "EPERM") return undefined;
  }
  try {
    // Behind the name, which may hold anything, comes the state; 19 fields on the time.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "gone";
    return fields[19];
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
