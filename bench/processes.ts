/** What the system says about a process and its children (Linux). */
import { readdirSync, readFileSync } from "node:fs";

const clockTicksPerSecond = 100;

/** The process and everything it started, directly or not. */
export function familyOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statFields(Number(entry));
    if (stat !== undefined) parents.set(Number(entry), Number(stat[1]));
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

/** Resident memory of the family in bytes. */
export function residentBytes(pid: number): number {
  return familyOf(pid)
    .map((member) => {
      try {
        return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${member}/status`, "utf8"))?.[1] ?? 0);
      } catch {
        return 0;
      }
    })
    .reduce((sum, kibibytes) => sum + kibibytes * 1024, 0);
}

/** CPU time, user and system, that the family has used so far, in seconds. */
export function cpuSeconds(pid: number): number {
  return (
    familyOf(pid)
      .map((member) => statFields(member))
      .reduce((sum, stat) => sum + (Number(stat?.[11] ?? 0) + Number(stat?.[12] ?? 0)), 0) / clockTicksPerSecond
  );
}

/** Fields of /proc/<pid>/stat from the state on; the name before may hold anything, so it is cut at its end. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
