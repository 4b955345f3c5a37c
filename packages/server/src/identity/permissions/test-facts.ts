/** Facts that a test writes down. `root` administers the registry. */
import { parseNamePattern, parsePackageName, type PackageName } from "@assay/core";
import type { HostedNames } from "../names/names.ts";
import { anonymous, type Grant, type Principal } from "../principal.ts";
import type { CiFacts, HolderFacts, PackageFacts, PermissionFacts, TeamName } from "./facts.ts";

export interface TestFacts {
  readonly holders: Map<string, HolderFacts>;
  readonly packages: Map<string, PackageFacts & { readonly visibility: "public" | "restricted" }>;
  readonly rules: Map<string, CiFacts>;
  /** Says that something changed. */
  change(): void;
  readonly facts: PermissionFacts;
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
}

export const nobodys: HolderFacts = { organisations: [], teams: [] };

/** The scopes `@acme` and `@other` are organisations. Everything else is proxied. */
export function createTestFacts(): TestFacts {
  let generation = 0;
  const holders = new Map<string, HolderFacts>([
    ["olga", { ...nobodys, organisations: [{ name: "acme", role: "owner" }] }],
    ["adam", { ...nobodys, organisations: [{ name: "acme", role: "admin" }] }],
    ["dora", { ...nobodys, organisations: [{ name: "acme", role: "developer" }] }],
    [
      "tim",
      {
        ...nobodys,
        organisations: [{ name: "acme", role: "developer" }],
        teams: [{ organisation: "acme", team: "ui" }],
      },
    ],
    ["olaf", { ...nobodys, organisations: [{ name: "other", role: "owner" }] }],
    ["robo", { ...nobodys, organisations: [{ name: "acme", role: "owner" }] }],
  ]);
  const packages: TestFacts["packages"] = new Map([
    [
      "@acme/secret",
      {
        visibility: "restricted",
        owners: ["otto"],
        readers: [],
        writers: [{ organisation: "acme", team: "ui" }],
      },
    ],
    ["@acme/open", { visibility: "public", owners: [], readers: [], writers: [] }],
    ["@other/secret", { visibility: "restricted", owners: [], readers: [], writers: [] }],
  ]);
  const rules = new Map<string, CiFacts>([
    ["r1", { packages: [parseNamePattern("@acme/secret")], permissions: ["publish"] }],
    ["r2", { packages: [parseNamePattern("@acme/*")], permissions: ["stage"] }],
  ]);
  const organisationOf = (name: PackageName): string | undefined => /^@(acme|other)\//.exec(name)?.[1];
  return {
    holders,
    packages,
    rules,
    change() {
      generation += 1;
    },
    facts: {
      generation: () => String(generation),
      holder: async (_kind, name) => holders.get(name) ?? nobodys,
      package: async (name) => packages.get(name) ?? { owners: [], readers: [], writers: [] },
      async handIn(name) {
        const mine = (holders.get(name) ?? nobodys).teams.map(({ organisation, team }) => `${organisation}:${team}`);
        const isMine = ({ organisation, team }: TeamName) => mine.includes(`${organisation}:${team}`);
        const hands = [...packages].map(([known, { owners, readers, writers }]) => {
          const hand = `${owners.includes(name) ? "owner " : ""}${[...readers, ...writers].some(isMine) ? "team" : ""}`;
          return [parsePackageName(known), hand] as const;
        });
        return new Map(hands.filter(([, hand]) => hand !== ""));
      },
      ci: async (rule) => rules.get(rule),
    },
    names: {
      organisationOf,
      find(name) {
        const organisation = organisationOf(name);
        const found = packages.get(name);
        return organisation === undefined || found === undefined
          ? undefined
          : {
              name,
              organisation,
              visibility: found.visibility,
              publishRequiresTfa: false,
              automationOverridesTfa: true,
            };
      },
    },
  };
}

export function person(name: string, grant?: Partial<Grant>): Principal {
  return {
    ...anonymous("127.0.0.1"),
    kind: "person",
    id: `person:${name}`,
    name,
    isAdmin: name === "root",
    via: grant === undefined ? "session" : "token",
    grant: grant && {
      tokenId: "t1",
      level: "read-write",
      packages: undefined,
      organisations: undefined,
      expiresAtMs: undefined,
      ...grant,
    },
  };
}

export const bot = (name: string): Principal => ({ ...person(name), kind: "bot", id: `bot:${name}` });
export const ci = (rule: string): Principal => ({ ...person(`github:acme/${rule}`, {}), kind: "ci", id: `ci:${rule}` });
export const aPackage = (name: string) => ({ kind: "package", name: parsePackageName(name) }) as const;
