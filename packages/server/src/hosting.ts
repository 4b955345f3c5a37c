/** Who may do what with the names that live here: organisations and permissions joined, and the gates that ask them. */
import type { PackageName } from "@assay/core";
import type { Config } from "./config/config.ts";
import type { Credentials } from "./http/credentials.ts";
import {
  createOrganisations,
  createPermissions,
  openPolicySets,
  organisationRoutes,
  type HostedNames,
  type Organisations,
  type People,
  type Permissions,
  type Principal,
} from "./identity/identity.ts";
import type { Storage } from "./storage.ts";
import type { Upstreams } from "./upstreams/upstreams.ts";

export interface Hosting {
  readonly organisations: Organisations;
  readonly permissions: Permissions;
  readonly gates: HostingGates;
  readonly routes: ReturnType<typeof organisationRoutes>;
}

export interface HostingGates {
  /** True when anybody may read the package without credentials. */
  isOpen(name: PackageName): boolean;
  /** Passes for who may read the package; throws as `Permissions.require` does. At once for what is open. */
  requireRead(credentials: Credentials, name: PackageName): Promise<void>;
  /** What the sender of a request may read. */
  mayRead(request: { readonly credentials: Credentials }): Promise<(name: PackageName) => Promise<boolean>>;
  /** Whether the sender may read what is an organisation's own; undefined: the registry's. */
  mayReadHosted(credentials: Credentials, organisation: string | undefined): Promise<boolean>;
}

interface HostingDeps extends Pick<Storage, "database" | "events" | "clock" | "random" | "telemetry"> {
  readonly names: HostedNames;
  readonly identity: People;
  readonly upstreams: Pick<Upstreams, "known">;
}

export async function openHosting(
  { database, events, clock, random, telemetry, names, identity, upstreams }: HostingDeps,
  { identity: settings, loopbackOnly }: Pick<Config, "identity" | "loopbackOnly">,
): Promise<Hosting> {
  const isOpen = settings.organisations === "people" || (settings.organisations === "loopback" && loopbackOnly);
  const organisations = createOrganisations(
    {
      database,
      events,
      clock,
      names,
      accounts: identity.accounts,
      isScopeKnown: async (scope) =>
        (await upstreams.known(`@${scope}/`, 1)).some((name) => name.startsWith(`@${scope}/`)),
    },
    { mayCreate: isOpen ? "people" : "admins" },
  );
  const policies = await openPolicySets({
    read: settings.read,
    folder: settings.policies,
    installation: Buffer.from(random.bytes(8)).toString("hex"),
  });
  // No trust rule is in force before CI identities are.
  const facts = organisations.facts(async () => undefined);
  const permissions = createPermissions({ names, facts, policies, telemetry }, settings);

  async function mayReadAs(principal: Principal, name: PackageName): Promise<boolean> {
    return (await permissions.decide(principal, "read", { kind: "package", name })).allowed;
  }

  return {
    organisations,
    permissions,
    routes: organisationRoutes({ identity: { ...identity, names, permissions }, organisations }),
    gates: {
      isOpen: permissions.isOpen,
      async requireRead(credentials, name) {
        if (permissions.isOpen(name)) return;
        const principal = await identity.authenticate(credentials);
        await permissions.require(principal, "read", { kind: "package", name });
      },
      async mayRead({ credentials }) {
        let principal: Promise<Principal> | undefined;
        return async (name) => {
          if (permissions.isOpen(name)) return true;
          principal ??= identity.authenticate(credentials);
          return await mayReadAs(await principal, name);
        };
      },
      async mayReadHosted(credentials, organisation) {
        const principal = await identity.authenticate(credentials);
        if (organisation === undefined)
          return (await permissions.decide(principal, "audit", { kind: "registry" })).allowed;
        return (await permissions.decide(principal, "read", { kind: "organisation", name: organisation })).allowed;
      },
    },
  };
}
