import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import { Form, Line, Problem, type Reader } from "./form.tsx";
import { LevelChoice } from "./organisation.tsx";

export interface PackageSettingsProps extends Reader {
  readonly name: string;
  readonly organisation: string;
  /** The reader belongs to it, and is told of its teams. */
  readonly isMember: boolean;
  readonly visibility: "public" | "restricted";
  /** Publishing needs a second factor, */
  readonly requiresFactor: boolean;
  /** except of bots. */
  readonly automationPasses: boolean;
  readonly owners: readonly string[];
  readonly teams: readonly string[];
  readonly grants: readonly { readonly team: string; readonly level: string }[];
  readonly tags: readonly { readonly tag: string; readonly version: string }[];
  /** The newest first. */
  readonly versions: readonly { readonly version: string; readonly deprecated: string | null }[];
  /** What the reader may change. */
  readonly may: {
    readonly configure: boolean;
    readonly own: boolean;
    readonly tag: boolean;
    readonly deprecate: boolean;
    readonly trust: boolean;
  };
  readonly problem: string | undefined;
}

/** Versions that are offered for a tag, and listed. */
const mostVersions = 300;

const urlOf = (name: string): string => `/-/web/packages/${name.replace("/", "%2F")}`;

/** How a package is set, and the forms of who may change it. */
export function renderPackageSettings(props: PackageSettingsProps): string {
  const { base, who, name, organisation, isMember, may, problem } = props;
  return renderPage({
    title: `Settings of ${name} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/${name}`}>{name}</a>
          {isMember && (
            <>
              {" "}
              · <a href={`${base}/-/web/organisations/${encodeURIComponent(organisation)}`}>{organisation}</a>
            </>
          )}
        </p>
        <h1>Settings of {name}</h1>
        <Problem text={problem} />
        <Access {...props} />
        <Owners {...props} />
        {isMember && <Teams {...props} />}
        <Tags {...props} />
        <Deprecations {...props} />
        {may.trust && (
          <>
            <h2>Trusted publishing</h2>
            <p>
              <a href={`${base}${urlOf(name)}/trust`}>Rules for CI that publishes without a token</a>
            </p>
          </>
        )}
      </>
    ),
  });
}

type Section = PackageSettingsProps;

function Access(props: Section) {
  const { name, visibility, requiresFactor, automationPasses, may } = props;
  return (
    <>
      <h2>Access</h2>
      {may.configure ? (
        <Form reader={props} path={`${urlOf(name)}/settings`} label="Access">
          <p class="field">
            <label for="visibility">Who reads it</label>
            <select id="visibility" name="visibility">
              <option value="restricted" selected={visibility === "restricted"}>
                restricted: whom its organisation lets
              </option>
              <option value="public" selected={visibility === "public"}>
                public: whoever reaches this registry
              </option>
            </select>
          </p>
          <p>
            <input id="requires" type="checkbox" name="requires" value="yes" checked={requiresFactor} />{" "}
            <label for="requires">Publishing and changes need a second factor</label>
          </p>
          <p>
            <input id="automation" type="checkbox" name="automation" value="yes" checked={automationPasses} />{" "}
            <label for="automation">Bots publish without one</label>
          </p>
          <button type="submit" name="do" value="configure">
            Save
          </button>
        </Form>
      ) : (
        <dl class="facts">
          <div>
            <dt>Who reads it</dt>
            <dd>{visibility}</dd>
          </div>
          <div>
            <dt>Publishing needs a second factor</dt>
            <dd>{requiresFactor ? `yes${automationPasses ? ", except of bots" : ""}` : "as the account says"}</dd>
          </div>
        </dl>
      )}
    </>
  );
}

function Owners(props: Section) {
  const { name, organisation, owners, may, isMember } = props;
  const path = `${urlOf(name)}/settings`;
  return (
    <>
      <h2>Owners</h2>
      {owners.length === 0 && <p>{isMember ? `It is ${organisation}'s alone.` : "There are none."}</p>}
      <ul>
        {owners.map((person) => (
          <li key={person}>
            {person}
            {may.own && (
              <Form reader={props} path={path} label={`Owner ${person}`}>
                <input type="hidden" name="person" value={person} />
                <button type="submit" name="do" value="remove-owner">
                  Make {person} no owner
                </button>
              </Form>
            )}
          </li>
        ))}
      </ul>
      {may.own && (
        <Form reader={props} path={path} label="New owner">
          <Line id="owner" name="person" label="Name of a user" />
          <button type="submit" name="do" value="add-owner">
            Make an owner
          </button>
        </Form>
      )}
    </>
  );
}

function Teams(props: Section) {
  const { name, teams, grants, may } = props;
  const levels = new Map(grants.map(({ team, level }) => [team, level]));
  return (
    <>
      <h2>Teams</h2>
      <Table caption="What teams may" head={may.own ? ["Team", "Access", "Change"] : ["Team", "Access"]}>
        {teams.map((team) => (
          <tr key={team}>
            <th scope="row" class="name">
              {team}
            </th>
            <td>{levels.get(team) ?? "none"}</td>
            {may.own && (
              <td>
                <Form reader={props} path={`${urlOf(name)}/settings`} label={`Team ${team}`}>
                  <input type="hidden" name="team" value={team} />
                  <span class="buttons">
                    <LevelChoice label={`Access of ${team}`} level={levels.get(team) ?? "none"} />
                    <button type="submit" name="do" value="grant">
                      Set
                    </button>
                  </span>
                </Form>
              </td>
            )}
          </tr>
        ))}
      </Table>
    </>
  );
}

function Tags(props: Section) {
  const { name, tags, versions, may } = props;
  const path = `${urlOf(name)}/settings`;
  return (
    <>
      <h2>Tags</h2>
      <Table caption="What tags point at" head={may.tag ? ["Tag", "Version", "Change"] : ["Tag", "Version"]}>
        {tags.map(({ tag, version }) => (
          <tr key={tag}>
            <th scope="row">{tag}</th>
            <td class="whole">
              <code>{version}</code>
            </td>
            {may.tag && (
              <td>
                {tag === "latest" ? (
                  "stays"
                ) : (
                  <Form reader={props} path={path} label={`Tag ${tag}`}>
                    <input type="hidden" name="tag" value={tag} />
                    <button type="submit" name="do" value="delete-tag">
                      Remove
                    </button>
                  </Form>
                )}
              </td>
            )}
          </tr>
        ))}
      </Table>
      {may.tag && versions.length > 0 && (
        <Form reader={props} path={path} label="Set a tag">
          <Line id="tag" name="tag" label="Tag, such as latest or next" />
          <p class="field">
            <label for="tag-version">Version that it points at</label>
            <select id="tag-version" name="version">
              {versions.slice(0, mostVersions).map(({ version }) => (
                <option key={version} value={version}>
                  {version}
                </option>
              ))}
            </select>
          </p>
          <button type="submit" name="do" value="set-tag">
            Set
          </button>
        </Form>
      )}
    </>
  );
}

function Deprecations(props: Section) {
  const { name, versions, may } = props;
  const deprecated = versions.filter((each) => each.deprecated !== null);
  return (
    <>
      <h2>Deprecated versions</h2>
      {deprecated.length === 0 ? (
        <p>There are none.</p>
      ) : (
        <Table caption="Deprecated, the newest first" head={["Version", "What is said"]}>
          {deprecated.slice(0, mostVersions).map(({ version, deprecated: message }) => (
            <tr key={version}>
              <th scope="row" class="whole">
                <code>{version}</code>
              </th>
              <td>{message}</td>
            </tr>
          ))}
        </Table>
      )}
      {may.deprecate && versions.length > 0 && (
        <Form reader={props} path={`${urlOf(name)}/settings`} label="Deprecate">
          <Line id="range" name="range" label="Version or range, such as 1.2.3, <2 or *" />
          <Line
            id="message"
            name="message"
            label="What to use instead, and why; for no more deprecated: leave it out"
            isOptional={true}
          />
          <p class="buttons">
            <button type="submit" name="do" value="deprecate">
              Deprecate
            </button>
            <button type="submit" name="do" value="undeprecate">
              Deprecate no more
            </button>
          </p>
        </Form>
      )}
    </>
  );
}
