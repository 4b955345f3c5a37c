import type { PackageName } from "@assay/core";

export type Hands = ReadonlyMap<PackageName, string>;

/** People who were asked for lately. */
const mostPeople = 100;

/** In which packages people have a hand, kept until facts change: of a large organisation that is thousands of rows. */
export function createHands({
  read,
  generation,
}: {
  readonly read: (person: string) => Promise<Hands>;
  readonly generation: () => string;
}): { get(person: string): Promise<Hands> } {
  let kept = new Map<string, Promise<Hands>>();
  let current = "";
  return {
    get(person) {
      const now = generation();
      if (now !== current || kept.size >= mostPeople) kept = new Map();
      current = now;
      const into = kept;
      let hands = into.get(person);
      if (hands === undefined) {
        hands = read(person);
        into.set(person, hands);
        hands.catch(() => into.delete(person));
      }
      return hands;
    },
  };
}
