/** Memberships that come from groups of a provider: they go with the group, those given by hand stay. */
import { isAssayError } from "@assay/core";
import type { GroupPlace } from "../../config/config.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { doerOf, type Doer } from "../doer.ts";
import { developers, type Organisations } from "./organisations.ts";
import { deleteProvided, insertProvided, readProvided } from "./store-provided.ts";

export interface ProvidedMemberships {
  /**
   * Makes a person's memberships what the groups say, as far as they came from `source`; `by`, or the source, stands
   * in the audit trail.
   * Who is there already by hand is left as it is. What cannot be is logged, and tried again at the next time: a team
   * that is not there, the last owner of an organisation.
   */
  apply(source: string, person: string, groups: readonly string[], by?: Doer): Promise<void>;
}

export interface ProvidedDeps {
  readonly database: Database;
  readonly organisations: Pick<
    Organisations,
    "members" | "setMember" | "removeMember" | "teamMembers" | "addTeamMember" | "removeTeamMember" | "teams"
  >;
  readonly telemetry: Pick<Telemetry, "log">;
}

/** Whose groups they are, and who says so now. */
interface From {
  readonly source: string;
  readonly by: Doer;
}

/** An organisation itself is the place with no team. */
type Place = Pick<GroupPlace, "organisation" | "team">;

const inWords = ({ organisation, team }: Place): string => (team === "" ? organisation : `${organisation}:${team}`);

export function createProvided(
  { database, organisations, telemetry }: ProvidedDeps,
  mapping: readonly GroupPlace[],
): ProvidedMemberships {
  async function isIn({ organisation, team }: Place, person: string): Promise<boolean> {
    if (!(await organisations.members(organisation)).has(person)) return false;
    return team === "" || (await organisations.teamMembers({ organisation, team })).includes(person);
  }

  /** Noted before it is made, so that a crash in between leaves nothing that would count as given by hand. */
  async function add({ source, by }: From, person: string, place: Place): Promise<void> {
    if (await isIn(place, person)) return;
    const { organisation, team } = place;
    await database.write((transaction) => insertProvided(transaction, { source, person, organisation, team }));
    if (team === "") await organisations.setMember(by, organisation, person, "developer");
    else await organisations.addTeamMember(by, { organisation, team }, person);
  }

  async function remove({ source, by }: From, person: string, place: Place): Promise<void> {
    const { organisation, team } = place;
    if (team === "" && (await isNeeded(source, person, organisation))) return;
    try {
      if (team === "") await organisations.removeMember(by, organisation, person);
      else await organisations.removeTeamMember(by, { organisation, team }, person);
    } catch (error) {
      // Somebody took it away already.
      if (!isAssayError(error, "NOT_FOUND")) throw error;
    }
    await database.write((transaction) => deleteProvided(transaction, { source, person, organisation, team }));
  }

  /** A team that somebody put the person into by hand needs the organisation. */
  async function isNeeded(source: string, person: string, organisation: string): Promise<boolean> {
    const provided = await readProvided(database.read, source, person);
    for (const team of await organisations.teams(organisation)) {
      if (team === developers || provided.some((one) => one.organisation === organisation && one.team === team))
        continue;
      if ((await organisations.teamMembers({ organisation, team })).includes(person)) return true;
    }
    return false;
  }

  return {
    async apply(source, person, groups, by = doerOf({ id: source, address: "" })) {
      const places = mapping.filter(({ group }) => groups.includes(group));
      // Organisations before their teams.
      const wanted = new Map<string, Place>();
      for (const { organisation } of places) wanted.set(organisation, { organisation, team: "" });
      for (const place of places) wanted.set(inWords(place), place);
      const attempt = async (work: typeof add, place: Place): Promise<void> => {
        await work({ source, by }, person, place).catch((error: unknown) => {
          telemetry.log.warn("a membership cannot be made what the provider says", {
            account: person,
            place: inWords(place),
            "error.message": String(error),
          });
        });
      };
      for (const place of wanted.values()) await attempt(add, place);
      // Teams before their organisations.
      const gone = (await readProvided(database.read, source, person)).filter((place) => !wanted.has(inWords(place)));
      for (const place of gone.toSorted((a, b) => Number(a.team === "") - Number(b.team === "")))
        await attempt(remove, place);
    },
  };
}
