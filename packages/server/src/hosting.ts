/** Who may do what with the names that live here: organisations and permissions joined, and the gates that ask them. */
import { parseNamePattern, parsePackageName, type EpochMs, type NamePattern, type PackageName } from "@assay/core";
import type { Config } from "./config/config.ts";
import type { Credentials } from "./http/credentials.ts";
import {
  accessHandler,
  accessKind,
  anonymous,
  approvalRoutes,
  ciRoutes,
  createAccessActs,
  createApprovals,
  createAsking,
  createCi,
  createGate,
  createOrganisations,
  createPermissions,
  createStars,
  explain,
  openOrganisationPolicies,
  createProvided,
  openPolicySets,
  policyHandler,
  policyKind,
  policyRoutes,
  organisationRoutes,
  starRoutes,
  withExclusive,
  withRefusals,
  type AccessActs,
  type ApprovalHandler,
  type Approvals,
  type Ci,
  type Explanation,
  type Gate,
  type HostedNames,
  type OrganisationPolicies,
  type Organisations,
  type People,
  type Permissions,
  type Principal,
  type Stars,
  type ProvidedMemberships,
} from "./identity/identity.ts";
import type { UpstreamClient } from "./platform/network/network.ts";
import type { Storage } from "./storage.ts";
import type { Upstreams } from "./upstreams/upstreams.ts";

export interface Hosting {
  readonly organisations: Organisations;
  /** What people change of organisations and of access to packages, with all that stands before it. */
  readonly access: AccessActs;
  readonly provided: ProvidedMemberships;
  readonly permissions: Permissions;
  /** Counts refusals that are too many to be noted one by one; until aborted. */
  readonly tellRefusals: (signal: AbortSignal) => Promise<void>;
  readonly ci: Ci;
  readonly approvals: Approvals;
  readonly organisationPolicies: OrganisationPolicies;
  /** Why somebody may do something, or not: `ada`, `publish`, `@acme/ui`. Throws USAGE. */
  readonly explain: (asked: Parameters<typeof explain>[1]) => Promise<Explanation>;
  /** Stands before what must be approved where a rule says so. */
  readonly gate: Gate;
  readonly gates: HostingGates;
  readonly stars: Stars;
  readonly routes: readonly ReturnType<typeof organisationRoutes>[];
}

type Readable = (names: readonly PackageName[]) => Promise<readonly PackageName[]>;

export interface HostingGates {
  /** True when anybody may read the package without credentials. */
  isOpen(name: PackageName): boolean;
  /** Passes for who may read the package; throws as `Permissions.require` does. At once for what is open. */
  requireRead(credentials: Credentials, name: PackageName): Promise<void>;
  /**
   * Who asks for what names many packages, or none: throws UNAUTHORIZED for credentials that are not good, whatever is
   * asked, and for strangers where nobody reads without an account. Answers which of some packages the sender may read.
   */
  mayRead(request: { readonly credentials: Credentials }): Promise<Readable>;
  /**
   * Stands before every NOT_FOUND of a read: throws UNAUTHORIZED for credentials that are not good. What anybody may
   * read is read without looking at them, so what is not there must be answered as what is hidden.
   */
  requireGood(credentials: Credentials): Promise<void>;
  /** Whether the sender may read what is an organisation's own; undefined: the registry's. */
  mayReadHosted(credentials: Credentials, organisation: string | undefined): Promise<boolean>;
}

interface HostingDeps extends Pick<Storage, "database" | "events" | "clock" | "random" | "telemetry"> {
  readonly names: HostedNames;
  readonly identity: People;
  readonly upstreams: Pick<Upstreams, "known" | "ownerOf">;
  readonly documents: Parameters<typeof createOrganisations>[0]["documents"];
  /** Of each issuer of CI's identity tokens, by its name. */
  readonly issuerClients: ReadonlyMap<string, UpstreamClient>;
  /** What an organisation has of what it may have. */
  readonly usage: Parameters<typeof organisationRoutes>[0]["usage"];
  /** Claims the record that other policies came into force. */
  readonly recordPolicy: Parameters<typeof openOrganisationPolicies>[0]["record"];
  /** Of the rooms above, by kind: what they carry out once it is approved. Asked for when something is. */
  readonly approvalHandlers: () => Readonly<Record<string, ApprovalHandler>>;
}

export async function openHosting(
  deps: HostingDeps,
  {
    identity: settings,
    loopbackOnly,
    trust,
    publicUrls,
    provider,
  }: Pick<Config, "identity" | "loopbackOnly" | "trust" | "publicUrls" | "provider">,
): Promise<Hosting> {
  const { database, events, clock, random, telemetry, names, identity, upstreams } = deps;
  const isOpen = settings.organisations === "people" || (settings.organisations === "loopback" && loopbackOnly);
  const organisations = createOrganisations(
    {
      database,
      events,
      clock,
      names,
      accounts: identity.accounts,
      documents: deps.documents,
      isScopeKnown: async (scope) =>
        (await upstreams.known(`@${scope}/`, 1)).some((name) => name.startsWith(`@${scope}/`)),
      needsAdmin: (scope) => !loopbackOnly && upstreams.ownerOf(parsePackageName(`@${scope}/x`)) !== undefined,
    },
    { mayCreate: isOpen ? "people" : "admins" },
  );
  const policies = await openPolicySets({
    read: settings.read,
    membersRead: settings.membersRead,
    folder: settings.policies,
    installation: Buffer.from(random.bytes(8)).toString("hex"),
  });
  const facts = organisations.facts((rule) => ci.factsOf(rule));
  const exclusive = withExclusive(createPermissions({ names, facts, policies, telemetry }, settings), {
    database,
    names,
  });
  const refusals = withRefusals(exclusive, { database, events, clock, names, telemetry });
  const { permissions } = refusals;
  const handlers = (): Readonly<Record<string, ApprovalHandler>> => ({
    [accessKind]: accessHandler(organisations, names),
    [policyKind]: policyHandler(() => organisationPolicies),
    ...ci.approvalHandlers,
    ...deps.approvalHandlers(),
  });
  const standing = async (id: string): Promise<Principal | undefined> => {
    const [kind = "", name = ""] = id.split(":", 2);
    if (kind === "ci")
      return (await ci.factsOf(name)) === undefined ? undefined : { ...anonymous(""), kind, id, name, via: "token" };
    const account = await identity.accounts.find(name);
    if (account?.kind !== kind || account.state !== "active") return undefined;
    return { ...anonymous(""), kind: account.kind, id, name: account.name, isAdmin: account.isAdmin, via: "session" };
  };
  const approvals = createApprovals(
    { database, clock, random, events, telemetry, permissions, facts, standing, handlers },
    { expiresAfterMs: settings.approvalDays * 86_400_000, rules: settings.approvals },
  );
  const gate = createGate({ database, approvals });
  const ci = createCi(
    {
      ...deps,
      tokens: identity.tokens,
      permissions,
      gate,
      organisationOf: names.organisationOf,
      clients: deps.issuerClients,
      patternsOf: patternsFrom(names),
    },
    trust,
  );
  const organisationPolicies = await openOrganisationPolicies({
    database,
    clock,
    random,
    events,
    telemetry,
    policies,
    facts,
    names,
    ownersOf: (organisation) => ownersOf(organisations, identity, organisation, clock.now()),
    record: deps.recordPolicy,
  });
  const explainHere: Hosting["explain"] = (asked) =>
    explain({ permissions, policies, accounts: identity.accounts, facts, names }, asked);

  const stars = createStars({ database, clock, names, permissions });
  const asked = { ...identity, names, permissions };
  const asking = createAsking({ identity: asked, organisations, gate });
  const access = createAccessActs(asking, organisations);
  return {
    organisations,
    access,
    stars,
    provided: createProvided({ database, organisations, telemetry }, provider?.groups ?? []),
    permissions,
    tellRefusals: refusals.run,
    ci,
    approvals,
    organisationPolicies,
    explain: explainHere,
    gate,
    routes: [
      organisationRoutes({ ...deps, identity: asked, organisations, asking, access }),
      approvalRoutes({ identity, approvals, random }),
      starRoutes({ identity: { ...identity, permissions }, stars }),
      policyRoutes({ explain: explainHere, identity, permissions, names, organisationPolicies, gate, random }),
      ciRoutes({ identity: { ...identity, ci }, issuers: trust.issuers, publicUrls, random }),
    ],
    gates: {
      isOpen: permissions.isOpen,
      async requireRead(credentials, name) {
        if (permissions.isOpen(name)) return;
        const principal = await identity.authenticate(credentials);
        await permissions.require(principal, "read", { kind: "package", name });
      },
      async mayRead({ credentials }) {
        const principal = await identity.authenticate(credentials);
        await permissions.require(principal, "read", { kind: "registry" });
        return (all) => permissions.readable(principal, all);
      },
      async requireGood(credentials) {
        await identity.authenticate(credentials);
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

/** Who owns an organisation and can sign in, as they come with a session that was proven just now. */
async function ownersOf(
  organisations: Organisations,
  { accounts }: Pick<People, "accounts">,
  organisation: string,
  nowMs: EpochMs,
): Promise<readonly Principal[]> {
  const owners = [...(await organisations.members(organisation))].filter(([, role]) => role === "owner");
  const found = await Promise.all(owners.map(([name]) => accounts.find(name)));
  return found.flatMap((account) =>
    account?.kind === "person" && account.state === "active"
      ? {
          ...anonymous(""),
          kind: "person",
          id: `person:${account.name}`,
          name: account.name,
          isAdmin: account.isAdmin,
          via: "session",
          steppedUpAtMs: nowMs,
        }
      : [],
  );
}

/** An organisation's scope, and the names that it has besides. Of its scope others may have names: facts say which. */
function patternsFrom(names: HostedNames): (organisation: string) => readonly NamePattern[] {
  return (organisation) => {
    const scope = `@${organisation}/`;
    const others = names.packages(organisation).filter(({ name }) => !name.startsWith(scope));
    return [
      ...(names.organisation(organisation) === undefined ? [] : [parseNamePattern(`${scope}*`)]),
      ...others.map(({ name }) => parseNamePattern(name)),
    ];
  };
}
