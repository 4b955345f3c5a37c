import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProjectCheckDeps } from "../project-check.ts";
import { stateFolder } from "../state-folder.ts";

/** The surroundings of a check inside a package manager's process: its environment, clock and network. */
export function surroundings(): Omit<ProjectCheckDeps, "folder" | "registry"> {
  return {
    stateFolder: stateFolder(process.env),
    fetch,
    sleep: (ms) => sleep(ms),
    nowMs: () => Date.now(),
    uniqueName: randomUUID,
  };
}
