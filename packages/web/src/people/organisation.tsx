import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import { Form, Line, Problem, type Reader } from "./form.tsx";

export interface OrganisationsProps extends Reader {
  readonly organisations: readonly { readonly name: string; readonly role: string }[];
}

export interface OrganisationProps extends Reader {
  readonly organisation: string;
  readonly members: readonly { readonly name: string; readonly role: string }[];
  readonly teams: readonly ShownTeam[];
  /** Those that the reader may read. */
  readonly packages: readonly { readonly name: string; readonly visibility: string }[];
  /** How many more there are. */
  readonly packagesLeft: number;
  readonly usage: readonly ShownUse[];
  /** The reader changes members and teams. */
  readonly administers: boolean;
  readonly isMember: boolean;
  readonly problem: string | undefined;
}

export interface ShownTeam {
  readonly name: string;
  /** It stays: every member is put into it. */
  readonly isOfEverybody: boolean;
  readonly members: readonly string[];
  readonly grants: readonly { readonly name: string; readonly level: string }[];
  readonly grantsLeft: number;
}

export interface ShownUse {
  /** `packages` */
  readonly what: string;
  readonly used: string;
  /** Undefined: any number. */
  readonly most: string | undefined;
}

const roles = ["developer", "admin", "owner"] as const;

const urlOf = (organisation: string): string => `/-/web/organisations/${encodeURIComponent(organisation)}`;

/** Where the reader belongs. */
export function renderOrganisations({ organisations, ...reader }: OrganisationsProps): string {
  const { base, who } = reader;
  return renderPage({
    title: "My organisations · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/me`}>{who}</a>
        </p>
        <h1>My organisations</h1>
        {organisations.length === 0 ? (
          <p>You are a member of none. Who administers one adds you to it.</p>
        ) : (
          <Table caption="Where you belong" head={["Organisation", "You are"]}>
            {organisations.map(({ name, role }) => (
              <tr key={name}>
                <th scope="row" class="name">
                  <a href={`${base}${urlOf(name)}`}>{name}</a>
                </th>
                <td>{role}</td>
              </tr>
            ))}
          </Table>
        )}
      </>
    ),
  });
}

/** An organisation as its members see it, and the forms of who administers it. */
export function renderOrganisation(props: OrganisationProps): string {
  const { base, who, organisation, administers, isMember, problem } = props;
  return renderPage({
    title: `${organisation} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/organisations`}>My organisations</a>
        </p>
        <h1>{organisation}</h1>
        <Problem text={problem} />
        <Usage usage={props.usage} />
        <Members {...props} />
        <Teams {...props} />
        <Packages {...props} />
        <h2>More</h2>
        {administers && (
          <p>
            <a href={`${base}${urlOf(organisation)}/policies`}>Policies of {organisation}</a>
          </p>
        )}
        {isMember && (
          <Form reader={props} path={urlOf(organisation)} label={`Leave ${organisation}`}>
            <input type="hidden" name="person" value={who} />
            <button type="submit" name="do" value="leave">
              Leave {organisation}
            </button>
          </Form>
        )}
      </>
    ),
  });
}

function Usage({ usage }: Pick<OrganisationProps, "usage">) {
  return (
    <dl class="facts">
      {usage.map(({ what, used, most }) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>
            {used}
            {most === undefined ? "" : ` of at most ${most}`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Members(props: OrganisationProps) {
  const { organisation, members, administers } = props;
  return (
    <>
      <h2>Members</h2>
      <Table caption="Who belongs to it" head={administers ? ["Name", "Role", "Change"] : ["Name", "Role"]}>
        {members.map(({ name, role }) => (
          <tr key={name}>
            <th scope="row" class="name">
              {name}
            </th>
            <td>{role}</td>
            {administers && (
              <td>
                <Form reader={props} path={urlOf(organisation)} label={`Member ${name}`}>
                  <input type="hidden" name="person" value={name} />
                  <span class="buttons">
                    <RoleChoice label={`Role of ${name}`} role={role} />
                    <button type="submit" name="do" value="set-member">
                      Set
                    </button>
                    <button type="submit" name="do" value="remove-member">
                      Take out
                    </button>
                  </span>
                </Form>
              </td>
            )}
          </tr>
        ))}
      </Table>
      {administers && (
        <Form reader={props} path={urlOf(organisation)} label="New member">
          <Line id="member-name" name="person" label="Name of a user or bot" />
          <p class="field">
            <RoleChoice label="Role of the new member" role="developer" />
          </p>
          <button type="submit" name="do" value="set-member">
            Add
          </button>
        </Form>
      )}
    </>
  );
}

function RoleChoice({ label, role }: { readonly label: string; readonly role: string }) {
  return (
    <select name="role" aria-label={label}>
      {roles.map((one) => (
        <option key={one} value={one} selected={one === role}>
          {one}
        </option>
      ))}
    </select>
  );
}

function Teams(props: OrganisationProps) {
  const { organisation, teams, administers } = props;
  return (
    <>
      <h2>Teams</h2>
      {teams.map((team) => (
        <Team key={team.name} {...props} team={team} />
      ))}
      {administers && (
        <Form reader={props} path={urlOf(organisation)} label="New team">
          <Line id="team-name" name="team" label="Name of a new team" />
          <Line id="team-description" name="description" label="What it is for" isOptional={true} />
          <button type="submit" name="do" value="create-team">
            Make it
          </button>
        </Form>
      )}
    </>
  );
}

function Team(props: OrganisationProps & { readonly team: ShownTeam }) {
  const { organisation, team, administers } = props;
  const path = urlOf(organisation);
  const common = <input type="hidden" name="team" value={team.name} />;
  return (
    <details>
      <summary>
        {team.name}: {amount(team.members.length, "member")}, {amount(team.grants.length + team.grantsLeft, "package")}
      </summary>
      <ul class="plain">
        {team.members.map((name) => (
          <li key={name}>
            {name}
            {administers && (
              <Form reader={props} path={path} label={`${name} in ${team.name}`}>
                {common}
                <input type="hidden" name="person" value={name} />
                <button type="submit" name="do" value="remove-from-team">
                  Take {name} out
                </button>
              </Form>
            )}
          </li>
        ))}
      </ul>
      {administers && (
        <Form reader={props} path={path} label={`Add to ${team.name}`}>
          {common}
          <Line id={`add-${team.name}`} name="person" label={`A member to add to ${team.name}`} />
          <button type="submit" name="do" value="add-to-team">
            Add
          </button>
        </Form>
      )}
      <Table caption={`What ${team.name} was given`} head={["Package", "Access"]}>
        {team.grants.map(({ name, level }) => (
          <tr key={name}>
            <th scope="row" class="name">
              <a href={`${props.base}/-/web/packages/${name}/settings`}>{name}</a>
            </th>
            <td>{level}</td>
          </tr>
        ))}
      </Table>
      <Left count={team.grantsLeft} command={`npm access list packages ${organisation}:${team.name}`} />
      <Form reader={props} path={path} label={`Access of ${team.name}`}>
        {common}
        <Line id={`grant-${team.name}`} name="package" label={`A package that you own, for ${team.name}`} />
        <p class="field">
          <LevelChoice label={`Access of ${team.name} to it`} />
        </p>
        <button type="submit" name="do" value="grant">
          Set
        </button>
      </Form>
      {administers && !team.isOfEverybody && (
        <Form reader={props} path={path} label={`Remove ${team.name}`}>
          {common}
          <button type="submit" name="do" value="remove-team">
            Remove the team {team.name}
          </button>
        </Form>
      )}
    </details>
  );
}

/** What a team may with a package. */
export function LevelChoice({ label, level = "read" }: { readonly label: string; readonly level?: string }) {
  return (
    <select name="level" aria-label={label}>
      {["read", "write", "none"].map((one) => (
        <option key={one} value={one} selected={one === level}>
          {one}
        </option>
      ))}
    </select>
  );
}

function Packages({ base, organisation, packages, packagesLeft }: OrganisationProps) {
  return (
    <>
      <h2>Packages</h2>
      {packages.length === 0 ? (
        <p>There are none that you may read.</p>
      ) : (
        <Table caption="Packages that you may read" head={["Package", "Visibility", "Change"]}>
          {packages.map(({ name, visibility }) => (
            <tr key={name}>
              <th scope="row" class="name">
                <a href={`${base}/${name}`}>{name}</a>
              </th>
              <td>{visibility}</td>
              <td>
                <a href={`${base}/-/web/packages/${name}/settings`} aria-label={`Settings of ${name}`}>
                  Settings
                </a>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Left count={packagesLeft} command={`npm access list packages ${organisation}`} />
    </>
  );
}

function Left({ count, command }: { readonly count: number; readonly command: string }) {
  return count === 0 ? null : (
    <p class="quiet">
      And {count} more: <code>{command}</code>
    </p>
  );
}

function amount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
