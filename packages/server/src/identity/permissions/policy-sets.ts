import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "@assay/core";
import { loadCedar, type Cedar, type CedarAnswer, type CedarQuestion } from "./cedar.ts";
import type { Policy } from "./policies.ts";

/** The policies in force: built in, the shop's, and each organisation's own. */
export interface PolicySets {
  /** Another number after every change. */
  generation(): number;
  /** The engine with every slot loaded; loads it when this is the first question. */
  engine(): Promise<Cedar>;
  /** The engine if it was loaded, at once. */
  loadedEngine(): Cedar | undefined;
  /** Where the policies for resources of this organisation are loaded, and what they look at. */
  slotFor(organisation: string | undefined): Slot;
  /** True when nothing but the built-in policies holds for resources of this organisation. */
  isPlain(organisation: string | undefined): boolean;
  /** In force for resources of this organisation, built-in ones first. */
  inForce(organisation: string | undefined): Promise<readonly Policy[]>;
  /**
   * Reads an organisation's policies and holds them against what is in force besides. Throws BAD_REQUEST with the line
   * and what is wrong.
   */
  read(text: string): Promise<readonly Policy[]>;
  /** Puts an organisation's policies in force in place of those before; none: only the others hold. */
  put(organisation: string, policies: readonly Policy[]): Promise<void>;
  /** Its policies cannot be read: everything of it is refused until others are put. */
  close(organisation: string): Promise<void>;
  /** What an organisation's policies would answer if they were in force. They never are by this. */
  askAside(policies: readonly Policy[], question: CedarQuestion): Promise<CedarAnswer>;
}

interface Slot {
  readonly slot: string;
  readonly usesAddress: boolean;
  /** Whether a policy besides the built-in ones looks at a package's own name or people. */
  readonly tellsPackages: boolean;
  /** Nothing may be allowed: what would forbid it is not known. */
  readonly isClosed: boolean;
}

export interface PolicySetsOptions {
  /** Who reads what is public. */
  readonly read: "anyone" | "signed-in";
  /** What members read of their organisation's packages: what they own or their teams were given (the default), or everything. */
  readonly membersRead?: "granted" | "everything";
  /** Absolute path of the folder with the shop's `*.cedar`; undefined or not there: none. */
  readonly folder: string | undefined;
  /** Tells installations in one process apart: they share the engine. */
  readonly installation: string;
}

/** Opens the built-in policies and the shop's. Throws CONFIG for a file that is refused: file, line and what is wrong. */
export async function openPolicySets(options: PolicySetsOptions): Promise<PolicySets> {
  const { folder, installation } = options;
  const shop = folder === undefined ? [] : await readFolder(folder);
  let engine: Promise<Cedar> | undefined;
  let loaded: Cedar | undefined;
  let shared: readonly Policy[] = [];
  let tellsShared = false;
  let generation = 0;
  const registrySlot = `registry ${installation}`;
  const asideSlot = `aside ${installation}`;
  let registry: Slot = { slot: registrySlot, usesAddress: false, tellsPackages: false, isClosed: false };
  const own = new Map<string, Slot & { readonly policies: readonly Policy[] }>();
  const freeSlots: string[] = [];
  let slots = 0;

  async function open(): Promise<Cedar> {
    const cedar = await loadCedar();
    const builtIn = await readBuiltIn(cedar, options);
    const shops = shop.map(({ path, text }) => ({ path, ...cedar.read(text) }));
    for (const { path, problems } of shops) refuseFile(path, problems);
    const all = [{ path: "a built-in policy", policies: builtIn }, ...shops];
    shared = all.flatMap(({ path, policies }, index) => {
      for (const policy of policies) {
        const before = all.slice(0, index).find((one) => one.policies.some(({ id }) => id === policy.id));
        if (before !== undefined)
          refuseFile(path, [{ line: policy.line, reason: `the id ${policy.id} is used by ${before.path} already` }]);
      }
      return policies;
    });
    cedar.load(registrySlot, shared);
    tellsShared = shops.some(({ policies }) => policies.some(({ tellsPackages }) => tellsPackages));
    registry = { ...registry, usesAddress: usesAddress(shared), tellsPackages: tellsShared };
    loaded = cedar;
    return cedar;
  }
  const sets: PolicySets = {
    generation: () => generation,
    engine: () => (engine ??= open()),
    loadedEngine: () => loaded,
    slotFor: (organisation) => (organisation === undefined ? undefined : own.get(organisation)) ?? registry,
    isPlain: (organisation) => shop.length === 0 && (organisation === undefined || !own.has(organisation)),
    async inForce(organisation) {
      await sets.engine();
      return [...shared, ...((organisation === undefined ? undefined : own.get(organisation)?.policies) ?? [])];
    },
    async read(text) {
      const { policies, problems } = (await sets.engine()).read(text);
      const twin = policies.find(({ id }) => shared.some((policy) => policy.id === id));
      const [problem] =
        twin === undefined || problems.length > 0
          ? problems
          : [{ line: twin.line, reason: `the id ${twin.id} is used by a policy of the registry already` }];
      if (problem !== undefined)
        throw new AssayError("BAD_REQUEST", { reason: `policies, line ${problem.line}: ${problem.reason}` });
      return policies;
    },
    async put(organisation, policies) {
      const cedar = await sets.engine();
      const before = own.get(organisation);
      if (policies.length === 0) {
        if (before === undefined) return;
        own.delete(organisation);
        if (!before.isClosed) {
          cedar.load(before.slot, []);
          freeSlots.push(before.slot);
        }
      } else {
        const slot =
          (before?.isClosed === false ? before.slot : freeSlots.pop()) ?? `organisation ${slots++} ${installation}`;
        const all = [...shared, ...policies];
        cedar.load(slot, all);
        const tellsPackages = tellsShared || policies.some((policy) => policy.tellsPackages);
        own.set(organisation, { slot, policies, usesAddress: usesAddress(all), tellsPackages, isClosed: false });
      }
      generation += 1;
    },
    async close(organisation) {
      await sets.put(organisation, []);
      own.set(organisation, { ...registry, policies: [], isClosed: true });
      generation += 1;
    },
    async askAside(policies, question) {
      const cedar = await sets.engine();
      // Nothing is awaited between the two: the slot is shared by all who ask aside.
      cedar.load(asideSlot, [...shared, ...policies]);
      return cedar.ask(asideSlot, question);
    },
  };
  // A file that is wrong must stop the start, not the first question.
  if (shop.length > 0) await sets.engine();
  return sets;
}

function usesAddress(policies: readonly Policy[]): boolean {
  return policies.some((policy) => policy.usesAddress);
}

async function readBuiltIn(
  cedar: Cedar,
  { read, membersRead }: Pick<PolicySetsOptions, "read" | "membersRead">,
): Promise<readonly Policy[]> {
  const files = [
    "builtin.cedar",
    ...(read === "signed-in" ? ["signed-in.cedar"] : []),
    ...(membersRead === "everything" ? ["members-read.cedar"] : []),
  ];
  const sets = await Promise.all(
    files.map(async (name) => {
      const { policies, problems } = cedar.read(await readFile(new URL(`./${name}`, import.meta.url), "utf8"));
      refuseFile(name, problems);
      return policies;
    }),
  );
  return sets.flat();
}

async function readFolder(folder: string): Promise<readonly { readonly path: string; readonly text: string }[]> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new AssayError("CONFIG", { reason: `The folder of policies ${folder} cannot be read.` }, { cause });
  }
  const paths = names.filter((name) => name.endsWith(".cedar")).toSorted();
  return await Promise.all(
    paths.map(async (name) => {
      const path = join(folder, name);
      try {
        return { path, text: await readFile(path, "utf8") };
      } catch (cause) {
        throw new AssayError("CONFIG", { reason: `The policies ${path} cannot be read.` }, { cause });
      }
    }),
  );
}

function refuseFile(path: string, problems: readonly { readonly line: number; readonly reason: string }[]): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ line, reason }) => `${path}:${line}: ${reason}.`);
  throw new AssayError("CONFIG", { reason: lines.join("\n") });
}
