/** What `assay policy test` and `assay policy check` do. */
import { AssayError, epochMs, isAssayError, parseNamePattern } from "@assay/core";
import type { Config } from "../config/config.ts";
import { parsePolicyCases, type CasePerson, type PolicyCases } from "../config/policy-cases.ts";
import type { CiFacts, PermissionFacts, TeamName } from "../identity/permissions/facts.ts";
import { createPermissions, openPolicySets } from "../identity/permissions/permissions.ts";
import type { Logger } from "../platform/telemetry/telemetry.ts";
import { parseAction, parseWhat, parseWho, principalOf } from "../identity/permissions/asked.ts";

export interface CaseOutcome {
  /** `ada publish @acme/ui`. */
  readonly title: string;
  readonly ok: boolean;
  /** What came out: `refused by ci-only: releases come from CI only`. */
  readonly got: string;
  readonly expected: string;
}

/** How many policies hold: throws CONFIG for a file of the folder that is refused. */
export async function checkPolicies({ identity }: Pick<Config, "identity">): Promise<number> {
  const sets = await openPolicySets({ ...identity, folder: identity.policies, installation: "check" });
  return (await sets.inForce(undefined)).length;
}

/** Decides every case of a file by the policies in force here and the facts in the file. Throws USAGE and CONFIG. */
export async function testPolicies(
  { identity }: Pick<Config, "identity">,
  telemetry: { readonly log: Logger },
  file: { readonly text: string; readonly path: string },
): Promise<readonly CaseOutcome[]> {
  const cases = parsePolicyCases(file.text, file.path);
  const sets = await openPolicySets({ ...identity, folder: identity.policies, installation: "test" });
  const permissions = createPermissions({ ...factsOf(cases), policies: sets, telemetry }, identity);
  const outcomes: CaseOutcome[] = [];
  for (const { who, action, what, expect, by, via, address, steppedUp } of cases.cases) {
    const asks = parseWho(who);
    const principal = principalOf(asks, {
      isAdmin: asks.kind === "person" && cases.people[asks.name]?.admin === true,
      address,
      ...(asks.kind === "person" ? { via } : {}),
      steppedUpAtMs: steppedUp ? epochMs(0) : undefined,
    });
    const decision = await permissions.decide(principal, parseAction(action), parseWhat(what));
    const result = decision.allowed ? "allowed" : decision.isHidden ? "hidden" : "refused";
    const policy = decision.policy ?? "no policy";
    outcomes.push({
      title: `${who} ${action} ${what}`,
      ok: result === expect && (by === undefined || decision.policy === by),
      got: `${result} by ${policy}${decision.allowed ? "" : `: ${decision.reason}`}`,
      expected: by === undefined ? expect : `${expect} by ${by}`,
    });
  }
  return outcomes;
}

/** The facts that a file states; a scope is an organisation's when anybody is in an organisation of that name. */
function factsOf(cases: PolicyCases): Pick<Parameters<typeof createPermissions>[0], "facts" | "names"> {
  const holders = { person: cases.people, bot: cases.bots };
  const organisations = new Set(
    Object.values({ ...cases.people, ...cases.bots }).flatMap((one) => Object.keys(one.organisations)),
  );
  const team = (text: string): TeamName => {
    const [organisation = "", name = ""] = text.split(":");
    return { organisation, team: name };
  };
  const organisationOf = (name: string): string | undefined => {
    const scope = /^@([^/]+)\//.exec(name)?.[1];
    return scope !== undefined && organisations.has(scope) ? scope : undefined;
  };
  const rules = new Map<string, CiFacts>(
    Object.entries(cases.ci).map(([name, { packages, permissions }]) => [
      name,
      { packages: packages.map(pattern), permissions: permissions.map(permission) },
    ]),
  );
  const facts: PermissionFacts = {
    generation: () => "",
    holder: async (kind, name) => {
      const found: CasePerson | undefined = Object.hasOwn(holders[kind], name) ? holders[kind][name] : undefined;
      return {
        organisations: Object.entries(found?.organisations ?? {}).map(([organisation, role]) => ({
          name: organisation,
          role: role as "owner" | "admin" | "developer",
        })),
        teams: (found?.teams ?? []).map(team),
      };
    },
    package: async (name) => {
      const found = cases.packages[name];
      return {
        owners: found?.owners ?? [],
        readers: (found?.readers ?? []).map(team),
        writers: (found?.writers ?? []).map(team),
      };
    },
    // Cases ask about one package each.
    handIn: async () => new Map(),
    ci: async (rule) => rules.get(rule),
  };
  return {
    facts,
    names: {
      organisationOf,
      find(name) {
        const organisation = organisationOf(name);
        const found = cases.packages[name];
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

function pattern(text: string): CiFacts["packages"][number] {
  try {
    return parseNamePattern(text);
  } catch (error) {
    if (isAssayError(error, "BAD_NAME")) throw new AssayError("USAGE", { reason: error.message }, { cause: error });
    throw error;
  }
}

function permission(text: string): CiFacts["permissions"][number] {
  if (text === "read" || text === "publish" || text === "stage") return text;
  throw new AssayError("USAGE", {
    reason: `${text} is nothing that a trust rule allows; there are read, publish and stage.`,
  });
}
