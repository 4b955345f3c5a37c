import { Time } from "./log-place.tsx";
import { renderPage } from "./page.tsx";
import { Form, Problem, type Reader } from "./people/form.tsx";

export interface TrustProps extends Reader {
  /** Of the package. */
  readonly name: string;
  readonly rules: readonly ShownTrustRule[];
  /** CI services whose rules can be made here. */
  readonly issuers: readonly TrustForm[];
  /** Nobody but trusted CI publishes. */
  readonly isExclusive: boolean;
  /** What was wrong with the form that was sent. */
  readonly problem: string | undefined;
}

/** Where the forms of a page go, and whose they are. */
interface Target {
  readonly reader: Reader;
  readonly path: string;
}

export interface ShownTrustRule {
  readonly id: string;
  readonly issuer: string;
  /** Claim and what it must be, in words. */
  readonly claims: readonly (readonly [string, string])[];
  readonly permissions: readonly string[];
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number | undefined;
  /** Numeric ids that it is bound to. */
  readonly pins: readonly (readonly [string, string])[];
  /** What is dangerous about it. */
  readonly warnings: readonly string[];
}

export interface TrustForm {
  readonly issuer: string;
  /** As people call it: `GitHub Actions`. */
  readonly title: string;
  /** In the order of the form; their inputs are called `claim-0`, `claim-1`, … */
  readonly fields: readonly { readonly claim: string; readonly example: string; readonly isRequired: boolean }[];
}

const words: Readonly<Record<string, string>> = { createPackage: "publish", createStagedPackage: "stage" };

function Rule({ rule, reader, path }: Target & { readonly rule: ShownTrustRule }) {
  return (
    <section aria-labelledby={`rule-${rule.id}`}>
      <h3 id={`rule-${rule.id}`}>
        {rule.issuer}: {rule.claims[0]?.[1]}
      </h3>
      {rule.warnings.map((warning) => (
        <p key={warning} class="warning">
          <strong>Careful:</strong> {warning}
        </p>
      ))}
      <dl>
        {rule.claims.map(([claim, value]) => (
          <div key={claim}>
            <dt>{claim}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
        <div>
          <dt>may</dt>
          <dd>{rule.permissions.map((one) => words[one] ?? one).join(", ")}</dd>
        </div>
        <div>
          <dt>made</dt>
          <dd>
            <Time ms={rule.createdAtMs} /> by {rule.createdBy}
          </dd>
        </div>
        <div>
          <dt>last used</dt>
          <dd>{rule.usedAtMs === undefined ? "never" : <Time ms={rule.usedAtMs} />}</dd>
        </div>
        {rule.pins.map(([claim, value]) => (
          <div key={claim}>
            <dt>bound to {claim}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
        <div>
          <dt>id</dt>
          <dd>
            <code>{rule.id}</code>
          </dd>
        </div>
      </dl>
      <Form reader={reader} path={path}>
        <input type="hidden" name="do" value="remove" />
        <input type="hidden" name="id" value={rule.id} />
        <button type="submit">Remove this rule</button>
      </Form>
    </section>
  );
}

function NewRule({ form, reader, path }: Target & { readonly form: TrustForm }) {
  const id = (name: string): string => `${form.issuer}-${name}`;
  return (
    <details>
      <summary>{form.title}</summary>
      <Form reader={reader} path={path}>
        <input type="hidden" name="do" value="add" />
        <input type="hidden" name="issuer" value={form.issuer} />
        {form.fields.map(({ claim, example, isRequired }, at) => (
          <p key={claim}>
            <label for={id(`claim-${at}`)}>
              {claim}
              {isRequired ? "" : " (optional)"}
            </label>
            <br />
            <input
              id={id(`claim-${at}`)}
              name={`claim-${at}`}
              type="text"
              size={48}
              maxLength={1024}
              required={isRequired}
              placeholder={example}
              autocomplete="off"
              spellcheck={false}
            />
          </p>
        ))}
        <p>
          <input id={id("publish")} type="checkbox" name="publish" value="yes" checked />{" "}
          <label for={id("publish")}>may publish</label>{" "}
          <input id={id("stage")} type="checkbox" name="stage" value="yes" />{" "}
          <label for={id("stage")}>may stage, for a person to approve</label>
        </p>
        <button type="submit">Trust it</button>
      </Form>
    </details>
  );
}

/** Who publishes a package from CI, and the forms that change it. */
export function renderTrust({ name, rules, issuers, isExclusive, problem, ...reader }: TrustProps): string {
  const target: Target = { reader, path: `/-/web/packages/${name.replace("/", "%2F")}/trust` };
  return renderPage({
    title: `Trusted publishing of ${name}`,
    base: reader.base,
    children: (
      <>
        <h1>Trusted publishing of {name}</h1>
        <Problem text={problem} />
        <p>
          A CI run that fits one of these rules publishes without any stored token: it shows who it is, and gets a token
          that is good for this package and some minutes.
        </p>
        <h2>Rules</h2>
        {rules.length === 0 ? (
          <p>There are none.</p>
        ) : (
          rules.map((rule) => <Rule key={rule.id} {...target} rule={rule} />)
        )}
        <h2>New rule</h2>
        {issuers.map((form) => (
          <NewRule key={form.issuer} {...target} form={form} />
        ))}
        <h2>Others</h2>
        <p>
          {isExclusive
            ? "Nobody but trusted CI publishes this package; tokens of people and bots are refused."
            : "People and bots with access publish this package too."}
        </p>
        <Form {...target}>
          <input type="hidden" name="do" value={isExclusive ? "share" : "exclude"} />
          <button type="submit">{isExclusive ? "Let others publish too" : "Let nobody but trusted CI publish"}</button>
        </Form>
      </>
    ),
  });
}
