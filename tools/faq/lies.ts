import { markdownTable, type Tables } from "./tables.ts";

interface Outcome {
  readonly fate: "truth" | "refused" | "detectable" | "believed";
  readonly kept: boolean;
}

interface Row {
  readonly title: string;
  /** Absent where it takes two sources. */
  readonly mirror?: Outcome;
  readonly verdaccio: Outcome;
  readonly assay: Outcome & { readonly records: readonly string[] };
}

const fates = {
  truth: "what is true is served",
  refused: "refused",
  detectable: "served; who compares the integrity notices",
  believed: "served, and nothing shows it",
} as const satisfies Readonly<Record<Outcome["fate"], string>>;

/** `lies`: what each made of each lie, from docs/generated/lies.json. */
export function lieTables(recorded: unknown): Tables {
  const rows = Object.values(recorded as Readonly<Record<string, Row>>);
  return {
    lies: markdownTable(
      ["the lie", "a plain caching mirror (nginx)", "Verdaccio", "Assay"],
      rows.map(({ title, mirror, verdaccio, assay }) => [title, say(mirror), say(verdaccio), sayOurs(assay)]),
    ),
    "lies-counted": markdownTable(
      ["", "a plain caching mirror (nginx)", "Verdaccio", "Assay"],
      [
        ["lies told", ...counts(rows, () => true)],
        ["reached a client", ...counts(rows, ({ fate }) => fate === "believed" || fate === "detectable")],
        ["of these, nothing that the client got shows it", ...counts(rows, ({ fate }) => fate === "believed")],
        ["kept: still served after the registry told the truth again", ...counts(rows, ({ kept }) => kept)],
      ],
    ),
  };
}

function say(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "has one source only";
  const { fate, kept } = outcome;
  return kept ? `${fates[fate]}; **kept**` : fates[fate];
}

function sayOurs(outcome: Row["assay"]): string {
  const { records } = outcome;
  return records.length === 0 ? say(outcome) : `${say(outcome)}; recorded: ${[...new Set(records)].join(", ")}`;
}

function counts(rows: readonly Row[], isCounted: (outcome: Outcome) => boolean): string[] {
  return (["mirror", "verdaccio", "assay"] as const).map((who) =>
    String(rows.filter(({ [who]: outcome }) => outcome !== undefined && isCounted(outcome)).length),
  );
}
