import { AssayError, parseNamePattern, type NamePattern, type PackageName } from "@assay/core";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { insertOwner, insertTeam, insertTeamMember, putGrant, readMembers, readTeams } from "../organisations/store.ts";
import { skeletonOf } from "./confusable.ts";
import { createNameRules, scopeOf, type NameRule } from "./name-rules.ts";
import type { HostedNames, HostedOrganisation, HostedPackage, NameClaim } from "./names.ts";
import {
  findAlike,
  insertOrganisation,
  insertPackage,
  organisationsSince,
  packageNamesOf,
  packagesSince,
  raiseGeneration,
  readGeneration,
  readOrganisation,
  readPackage,
} from "./store.ts";
import { actOf, doerOf } from "../doer.ts";

export interface HostedNamesDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "log">;
}

/** Of every organisation that people made. */
const developers = "developers";
/** How often changes by other processes are looked for. */
const lookMs = 1000;
/** What was looked at this long ago is not believed any more when a name is about to be sent away. */
const believedMs = 2500;
/** After a change that takes names from upstreams nobody is told before this time, so that no process believes otherwise. */
const spreadMs = 3000;

/**
 * Reads all names, and makes the organisations that the configuration names. Throws CONFIG when upstreams own names
 * that are hosted here.
 */
export async function openHostedNames(
  deps: HostedNamesDeps,
  config: Pick<Config, "hosted" | "upstreams">,
): Promise<HostedNames> {
  const { database, events, clock, telemetry } = deps;
  const { hosted } = config;
  const rules = createNameRules(config);
  const { owners } = rules;
  const organisations = new Map<string, HostedOrganisation>();
  const packages = new Map<PackageName, HostedPackage>();
  const byOrganisation = new Map<string, Set<PackageName>>();
  let generation = -1;
  /** When the look that all this is from began; and when it first showed that names were taken from upstreams. */
  let lookedAtMs = -Infinity;
  let takenAtMs = -Infinity;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const startedMs = clock.monotonicMs();
    const newest = await readGeneration(database.read);
    if (newest !== generation) {
      const before = generation;
      for (const one of await organisationsSince(database.read, before)) {
        if (!organisations.has(one.name)) takenAtMs = clock.monotonicMs();
        organisations.set(one.name, one);
      }
      for (const one of await packagesSince(database.read, before)) {
        if (rules.hosted(one.name, organisations.has(scopeOf(one.name))) === undefined) takenAtMs = clock.monotonicMs();
        packages.set(one.name, one);
        const siblings = byOrganisation.get(one.organisation) ?? new Set();
        byOrganisation.set(one.organisation, siblings.add(one.name));
      }
      generation = newest;
    }
    lookedAtMs = startedMs;
  }

  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => (looking = undefined));
    return looking;
  }

  /** One that began after this call: what is under way may have missed what was just committed. */
  async function lookAnew(): Promise<void> {
    await looking?.catch(() => undefined);
    await lookOnce();
  }

  /** The pattern by which a name is hosted, and whose it is; undefined: only by itself, or not. */
  function ruleOf(name: PackageName, isOrganisation = organisations.has(scopeOf(name))): NameRule | undefined {
    return rules.ruleOf(name, isOrganisation);
  }

  function defaultVisibility(name: PackageName): HostedPackage["visibility"] {
    return ruleOf(name)?.said?.visibility ?? "restricted";
  }

  async function found(transaction: Transaction, organisation: HostedOrganisation): Promise<void> {
    const { name } = organisation;
    const scope = parseNamePattern(`@${name}/*`);
    const owner = owners.get(scope);
    if (owner !== undefined)
      throw new AssayError("CONFLICT", { reason: `the scope @${name} belongs to the upstream ${owner}` });
    if ((await readOrganisation(transaction, name)) !== undefined)
      throw new AssayError("CONFLICT", { reason: `the organisation ${name} exists already` });
    const skeleton = skeletonOf(name);
    const alike = await findAlike(transaction, "organisations", skeleton);
    if (alike !== undefined)
      throw new AssayError("CONFLICT", { reason: `${name} is easily taken for the organisation ${alike}` });
    await insertOrganisation(transaction, organisation, { skeleton, atMs: clock.now() });
  }

  async function claim(
    transaction: Transaction,
    { name, visibility, owner, organisation: given }: NameClaim,
  ): Promise<"made" | "there"> {
    if ((await readPackage(transaction, name)) !== undefined) return "there";
    // A scope that another process made a moment ago is known to the database.
    const isOrganisation = (await readOrganisation(transaction, scopeOf(name))) !== undefined;
    const organisation = ruleOf(name, isOrganisation)?.organisation ?? given;
    if (organisation === undefined)
      throw new AssayError("FORBIDDEN", {
        reason: `${name} is no name of an organisation here; names below @<organisation>/ are`,
      });
    if (owners.has(name as string as NamePattern))
      throw new AssayError("CONFLICT", {
        reason: `upstreams.${owners.get(name as string as NamePattern)} owns ${name}`,
      });
    const skeleton = skeletonOf(name);
    const alike = await findAlike(transaction, "hosted_packages", skeleton);
    if (alike !== undefined)
      throw new AssayError("CONFLICT", { reason: `${name} is easily taken for ${alike}, which exists here` });
    await insertPackage(
      transaction,
      { name, organisation, visibility: visibility ?? defaultVisibility(name) },
      { skeleton, atMs: clock.now() },
    );
    if (owner !== undefined) await insertOwner(transaction, name, owner);
    // As at npm: what is new is the developers' to write.
    if ((await readTeams(transaction, organisation)).includes(developers))
      await putGrant(transaction, { organisation, team: developers }, name, "write");
    return "made";
  }

  async function changed(): Promise<void> {
    await lookAnew();
    const waitMs = takenAtMs + spreadMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs);
  }

  /** Members read through their teams: an organisation of the configuration has the one of everybody, as all others. */
  async function giveDevelopers(all: readonly string[]): Promise<void> {
    const without: string[] = [];
    for (const name of all) if (!(await readTeams(database.read, name)).includes(developers)) without.push(name);
    if (without.length === 0) return;
    await database.write(async (transaction) => {
      for (const organisation of without) {
        const team = { organisation, team: developers };
        if (!(await insertTeam(transaction, { ...team, description: "Everybody" }))) continue;
        for (const person of (await readMembers(transaction, organisation)).keys())
          await insertTeamMember(transaction, { ...team, person });
        for (const name of byOrganisation.get(organisation) ?? []) await putGrant(transaction, team, name, "read");
      }
      await raiseGeneration(transaction);
    });
    await look();
  }

  await look();
  const missing = [...new Set(hosted.map(({ organisation }) => organisation))].filter((one) => !organisations.has(one));
  if (missing.length > 0) {
    await database.write(async (transaction) => {
      for (const name of missing) {
        if ((await readOrganisation(transaction, name)) !== undefined) continue;
        await found(transaction, { name, person: undefined });
        await events.record(transaction, {
          kind: "organisation.created",
          subject: `organisation ${name}`,
          data: { by: "configuration" },
          act: actOf(doerOf({ id: "configuration", address: "" }), name),
        });
      }
    });
    await look();
  }
  await giveDevelopers([...new Set(hosted.map(({ organisation }) => organisation))]);
  refuseOverlaps(owners, organisations, packages);
  // Nobody was told of these names by this process.
  takenAtMs = -Infinity;

  return {
    organisationOf: (name) => packages.get(name)?.organisation ?? ruleOf(name)?.organisation,
    find: (name) => packages.get(name),
    organisation: (name) => organisations.get(name),
    packages(organisation) {
      const names = organisation === undefined ? packages.keys() : (byOrganisation.get(organisation) ?? []);
      return [...names].sort(byBytes).flatMap((name) => packages.get(name) ?? []);
    },
    listed: packageNamesOf,
    defaultVisibility,
    saidOf: (name) => ruleOf(name)?.said,
    generation: () => generation,
    async current() {
      if (clock.monotonicMs() - lookedAtMs > believedMs) await lookAnew();
    },

    claim,
    found,

    async assign(by, { name, visibility, organisation }) {
      await database.write(async (transaction) => {
        if ((await readOrganisation(transaction, organisation)) === undefined)
          throw new AssayError("NOT_FOUND", { what: `The organisation ${organisation}` });
        const whose = (await readPackage(transaction, name))?.organisation ?? ruleOf(name)?.organisation;
        if (whose !== undefined)
          throw new AssayError("CONFLICT", { reason: `${name} is a name of the organisation ${whose} already` });
        await claim(transaction, { name, visibility, owner: undefined, organisation });
        await events.record(transaction, {
          kind: "name.claimed",
          subject: `npm ${name}`,
          data: { by, organisation },
          act: actOf(doerOf({ id: by, address: "" }), organisation),
        });
      });
      await changed();
    },

    changed,

    async run(signal) {
      let isFailing = false;
      while (!signal.aborted) {
        await clock.sleep(lookMs, signal).catch(() => undefined);
        try {
          await lookOnce();
          isFailing = false;
        } catch (error) {
          if (!isFailing) telemetry.log.error("cannot look which names are hosted", { error });
          isFailing = true;
        }
      }
    },
  };
}

/** What is hosted stays hosted: a configuration that gives it to an upstream is refused. */
function refuseOverlaps(
  owners: ReadonlyMap<NamePattern, string>,
  organisations: ReadonlyMap<string, HostedOrganisation>,
  packages: ReadonlyMap<PackageName, HostedPackage>,
): void {
  for (const [pattern, alias] of owners) {
    const scope = /^@([^/]+)\/\*$/.exec(pattern)?.[1];
    const hosted = packages.get(pattern as string as PackageName);
    const whose = hosted?.organisation ?? (scope !== undefined && organisations.has(scope) ? scope : undefined);
    if (whose === undefined) continue;
    throw new AssayError("CONFIG", {
      reason: `upstreams.${alias}.names has ${pattern}, which the organisation ${whose} has here; take it out.`,
    });
  }
}

function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
