import { markdownTable, type Tables } from "./tables.ts";

/** Something that Assay says of itself, and the tests that show it. */
export interface Claim {
  readonly what: string;
  /** `<file>` or `<file>#<part of the test's name>`. */
  readonly tests: readonly string[];
  /** What keeps it from being more than a prototype. */
  readonly missing?: string;
}

/** How the tests of one entry came out when they were last recorded. */
export interface TestCount {
  readonly passed: number;
  readonly skipped: number;
}

/** Tests that run the product as its users do. */
const wholeSystem = /^packages\/(?:server|cli)\/test\//;

/**
 * `verified`: what whole-system tests show; `prototypes`: what none shows, or what misses something by its own word.
 * From docs/claims.json and docs/generated/claims.json. Throws when the tests of a claim were not recorded.
 */
export function claimTables(claims: unknown, recorded: unknown): Tables {
  const counts = recorded as Readonly<Record<string, TestCount>>;
  const judged = (claims as readonly Claim[]).map((claim) => ({ claim, missing: missingIn(claim, counts) }));
  return {
    verified: markdownTable(
      ["what", "shown by"],
      judged
        .filter(({ missing }) => missing === undefined)
        .map(({ claim }) => [claim.what, claim.tests.map((test) => cite(test, counts)).join(", ")]),
    ),
    prototypes: markdownTable(
      ["what", "what is missing"],
      judged.filter(({ missing }) => missing !== undefined).map(({ claim, missing = "" }) => [claim.what, missing]),
    ),
  };
}

function missingIn(claim: Claim, counts: Readonly<Record<string, TestCount>>): string | undefined {
  if (claim.missing !== undefined) return claim.missing;
  const skipped = claim.tests.filter((test) => countOf(test, counts).skipped > 0);
  if (skipped.length > 0) return `tests of it were skipped: ${skipped.join(", ")}`;
  return claim.tests.some((test) => wholeSystem.test(test)) ? undefined : "no test of the whole system shows it";
}

function cite(test: string, counts: Readonly<Record<string, TestCount>>): string {
  const [file = "", part] = test.split("#");
  const { passed } = countOf(test, counts);
  return part === undefined ? `\`${file}\` (${passed})` : `\`${file}\` “${part}” (${passed})`;
}

function countOf(test: string, counts: Readonly<Record<string, TestCount>>): TestCount {
  const count = counts[test];
  if (count === undefined || count.passed + count.skipped === 0)
    throw new Error(`${test} was not recorded: run node tools/record-claims.ts`);
  return count;
}
