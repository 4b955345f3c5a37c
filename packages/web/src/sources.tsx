import type { ComponentChildren } from "preact";
import { count, sayAge, saySpan, Time } from "./log-place.tsx";
import { renderPage } from "./page.tsx";

export interface SourcesProps {
  readonly base: string;
  readonly nowMs: number;
  /** Keys with which this registry itself signs what is bound. */
  readonly ownKeys: readonly ShownKey[];
  /** Each registry with the mirrors and auditors that belong to it, in the order of the configuration. */
  readonly registries: readonly SourceGroup[];
}

export interface SourceGroup {
  readonly registry: ShownSource;
  readonly mirrors: readonly ShownSource[];
  readonly auditors: readonly ShownSource[];
  /** Sources that must have the same bytes before a version is bound. */
  readonly agree: number;
  /** Auditors that must list a version before it shows; 0: none is asked. */
  readonly auditorsNeeded: number;
  /** What becomes of a version without a good signature of the registry. */
  readonly signatures: "require" | "prefer" | "ignore";
}

/** A key of registry signatures; past ones stay listed, because what they signed stays good. */
export interface ShownKey {
  readonly keyid: string;
  /** When it ended or will; undefined for one without end. */
  readonly untilMs: number | undefined;
}

export interface ShownSource {
  readonly alias: string;
  readonly operator: string;
  /** Without credentials. */
  readonly url: string;
  /** Name patterns: what a registry owns, what a mirror or auditor is asked for. */
  readonly names: readonly string[];
  /** Packages of it that are known here; of registries. */
  readonly packages: number | undefined;
  /** When it last answered, and how long that took; undefined before the first time. */
  readonly answered: { readonly atMs: number; readonly afterMs: number } | undefined;
  /** Tarballs since this server started: that came from it, and that it did not have. */
  readonly delivered: number;
  readonly missing: number;
  /** Ages of the youngest version that it had when asked, and of the oldest that it lacked. */
  readonly youngestHadMs: number | undefined;
  readonly oldestLackedMs: number | undefined;
  /** Times that it served or listed something else than is bound, as the log has it. */
  readonly conflicts: number;
  /** Of its registry signatures. */
  readonly keys: readonly ShownKey[];
  /** Put aside after it served something wrong. */
  readonly aside: { readonly untilMs: number; readonly reason: string; readonly subject: string } | undefined;
}

/** What each kind of source may decide, in one sentence. */
function Registry({ group }: { readonly group: SourceGroup }) {
  const { registry, agree, auditorsNeeded, auditors, signatures } = group;
  return (
    <>
      <p>
        <strong>A registry.</strong> It owns {namesInWords(registry.names)}: which versions exist, where tags point and
        what the bytes must be is its word. What it does not have is not there, whatever others have under that name.
      </p>
      <p>{signaturesInWords[signatures]}</p>
      {agree > 1 && <p>A version is bound only when {agree} sources have the same bytes.</p>}
      {auditorsNeeded > 0 && <p>A version shows only when {needed(auditorsNeeded, auditors.length)}.</p>}
    </>
  );
}

const signaturesInWords = {
  require: "A version without its signature is refused.",
  prefer: "Where it signs, the signature is verified; a bad one is refused.",
  ignore: "Its signatures are not looked at.",
} as const;

function needed(auditorsNeeded: number, auditors: number): string {
  if (auditors === 1) return "its auditor lists it";
  return auditorsNeeded === auditors
    ? `all its ${auditors} auditors list it`
    : `${auditorsNeeded} of its ${auditors} auditors list it`;
}

function namesInWords(names: readonly string[]): ComponentChildren {
  if (names.includes("*")) return "every name that no other registry here owns";
  if (names.length === 0) return "the names that their owners hand to it";
  return names.map((name, at) => (
    <>
      {at > 0 && ", "}
      <code key={name}>{name}</code>
    </>
  ));
}

function Facts({
  source,
  delivered,
  nowMs,
  kind,
}: {
  readonly source: ShownSource;
  readonly kind: "registry" | "mirror" | "auditor";
  /** By all sources together. */
  readonly delivered: number;
  readonly nowMs: number;
}) {
  const facts: readonly (readonly [string, ComponentChildren] | undefined)[] = [
    ["Run by", source.operator],
    ["Address", <code>{source.url}</code>],
    source.packages === undefined ? undefined : ["Packages known here", source.packages.toLocaleString("en-US")],
    kind === "auditor" ? undefined : ["Share", share(source.delivered, delivered)],
    kind === "auditor" ? undefined : ["Coverage", coverage(source)],
    kind === "mirror" ? ["Lag", lag(source)] : undefined,
    [
      "Last answered",
      source.answered === undefined
        ? "not since this server started"
        : `${sayAge(nowMs - source.answered.atMs)}, after ${Math.round(source.answered.afterMs).toLocaleString("en-US")} ms`,
    ],
    kind === "registry" ? ["Keys of its signatures", <Keys keys={source.keys} />] : undefined,
    [
      "Conflicts",
      source.conflicts === 0 ? (
        "none recorded"
      ) : (
        <span class="bad">
          {count(source.conflicts, "record says", "records say")} that it had something else than is bound
        </span>
      ),
    ],
  ];
  return (
    <dl class="facts">
      {facts.map(
        (fact) =>
          fact !== undefined && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Keys({ keys }: { readonly keys: readonly ShownKey[] }) {
  if (keys.length === 0) return <>none known</>;
  return (
    <ul class="keys">
      {keys.map(({ keyid, untilMs }) => (
        <li key={keyid}>
          <code>{keyid}</code>
          {untilMs !== undefined && (
            <>
              {" "}
              until <Time ms={untilMs} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function share(part: number, whole: number): string {
  if (whole === 0) return "nothing was fetched since this server started";
  return `${count(part, "tarball")} of ${whole.toLocaleString("en-US")} since this server started`;
}

function coverage({ delivered, missing }: ShownSource): string {
  if (delivered + missing === 0) return "not asked since this server started";
  return missing === 0
    ? "it had all that it was asked for"
    : `it had ${delivered.toLocaleString("en-US")} of ${count(delivered + missing, "tarball")} that it was asked for`;
}

function lag({ youngestHadMs, oldestLackedMs }: ShownSource): string {
  const had = youngestHadMs === undefined ? [] : [`it had a version ${saySpan(youngestHadMs)} after its release`];
  const lacked = oldestLackedMs === undefined ? [] : [`lacked one ${saySpan(oldestLackedMs)} after`];
  const known = [...had, ...lacked];
  return known.length === 0 ? "not seen yet" : known.join(", ");
}

function Aside({ source }: { readonly source: ShownSource }) {
  if (source.aside === undefined) return null;
  const { untilMs, reason, subject } = source.aside;
  return (
    <p class="bad" role="note">
      Put aside until <Time ms={untilMs} />: {reason} ({subject}). It is not asked until then.
    </p>
  );
}

function Group({
  group,
  nowMs,
  delivered,
}: {
  readonly group: SourceGroup;
  readonly nowMs: number;
  readonly delivered: number;
}) {
  const { registry, mirrors, auditors } = group;
  return (
    <section class="source" aria-labelledby={`source-${registry.alias}`}>
      <h2 id={`source-${registry.alias}`}>{registry.alias}</h2>
      <Registry group={group} />
      <Facts source={registry} kind="registry" delivered={delivered} nowMs={nowMs} />
      {mirrors.map((mirror) => (
        <section key={mirror.alias} class="copy" aria-labelledby={`source-${mirror.alias}`}>
          <h3 id={`source-${mirror.alias}`}>{mirror.alias}</h3>
          <p>
            <strong>A mirror</strong> of {registry.alias}, for{" "}
            {mirror.names.includes("*") ? "all its names" : namesInWords(mirror.names)}. It decides nothing: its bytes
            are taken when they are the ones that {registry.alias} lists or the log has bound, and refused otherwise.
          </p>
          <Aside source={mirror} />
          <Facts source={mirror} kind="mirror" delivered={delivered} nowMs={nowMs} />
        </section>
      ))}
      {auditors.map((auditor) => (
        <section key={auditor.alias} class="copy" aria-labelledby={`source-${auditor.alias}`}>
          <h3 id={`source-${auditor.alias}`}>{auditor.alias}</h3>
          <p>
            <strong>An auditor</strong> of {registry.alias}. It lists what it examined and serves no bytes: that a
            version is missing there is its objection.
          </p>
          <Facts source={auditor} delivered={delivered} nowMs={nowMs} kind="auditor" />
        </section>
      ))}
    </section>
  );
}

/** The page at `/-/web/sources`: who may decide what, and how each source behaved. */
export function renderSources({ base, nowMs, ownKeys, registries }: SourcesProps): string {
  const all = registries.flatMap(({ registry, mirrors, auditors }) => [registry, ...mirrors, ...auditors]);
  const delivered = all.reduce((sum, source) => sum + source.delivered, 0);
  return renderPage({
    title: "Sources · Assay",
    base,
    here: "sources",
    children: (
      <>
        <h1>Sources</h1>
        <p class="lead">
          Where packages come from. A registry owns names and says what exists. A mirror copies a registry's bytes and
          says nothing. Whoever serves them, the bytes and dependencies of a bound version are the same, or refused.
        </p>
        {registries.length === 0 && (
          <p>No source is configured: nothing is fetched, and what is here was brought by hand, with its proofs.</p>
        )}
        {registries.map((group) => (
          <Group key={group.registry.alias} group={group} nowMs={nowMs} delivered={delivered} />
        ))}
        <h2>What this registry signs with</h2>
        <p>
          Every bound version carries a signature of this registry beside its owner's. All keys, past ones too, are at{" "}
          <a href={`${base}/-/npm/v1/keys`}>/-/npm/v1/keys</a>, where clients look them up.
        </p>
        <Keys keys={ownKeys} />
        <p>
          What each source did stands in <a href={`${base}/-/web/log`}>the checksum database</a>, where nobody can take
          it out.
        </p>
      </>
    ),
  });
}
