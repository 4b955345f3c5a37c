/** Counts of what is not told one by one, in bounded memory. */

export interface Tallies {
  /** `organisation` undefined: nobody's. */
  add(organisation: string | undefined, who: string): void;
  /** All since the last time, and begins anew. `by`: whose they were, the most frequent first, 10 at most. */
  take(): readonly {
    readonly organisation: string | undefined;
    readonly refusals: number;
    readonly by: readonly string[];
  }[];
}

/** Of one organisation: whoever comes after so many is counted, and not named. */
const mostSenders = 100;
const mostNamed = 10;

export function createTallies(): Tallies {
  let tallies = new Map<string | undefined, { refusals: number; readonly by: Map<string, number> }>();
  return {
    add(organisation, who) {
      let tally = tallies.get(organisation);
      if (tally === undefined) tallies.set(organisation, (tally = { refusals: 0, by: new Map() }));
      tally.refusals += 1;
      const before = tally.by.get(who);
      if (before !== undefined || tally.by.size < mostSenders) tally.by.set(who, (before ?? 0) + 1);
    },
    take() {
      const all = [...tallies];
      tallies = new Map();
      return all.map(([organisation, { refusals, by }]) => ({
        organisation,
        refusals,
        by: [...by]
          .toSorted(([, one], [, other]) => other - one)
          .slice(0, mostNamed)
          .map(([who]) => who),
      }));
    },
  };
}
