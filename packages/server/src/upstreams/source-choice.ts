import { AssayError } from "@assay/core";

/** Which sources somebody wants to be served from, and in which order. It never changes what a version is. */
export interface SourceChoice {
  /** Aliases of registries and mirrors, the preferred first; each once. */
  readonly order: readonly string[];
  /** Nobody else is asked for bytes, also when all of these fail. */
  readonly only: boolean;
}

const mostSources = 100;

/**
 * Reads `{"order":["near","npm"],"only":false}`: exactly these members, `only` may be left out. Throws BAD_REQUEST,
 * naming the place and the sources that there are.
 */
export function parseSourceChoice(body: unknown, known: readonly string[]): SourceChoice {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw refused("the body is not an object");
  const { order, only = false, ...rest } = body as Readonly<Record<string, unknown>>;
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw refused(`${JSON.stringify(extra)} is unknown; there are order and only`);
  if (typeof only !== "boolean") throw refused("only is not true or false");
  if (!Array.isArray(order) || order.length === 0 || order.length > mostSources)
    throw refused(`order is not a list of 1 to ${mostSources} aliases`);
  for (const [at, alias] of order.entries()) {
    if (typeof alias !== "string" || !known.includes(alias))
      throw refused(`order[${at}] is no source; there are ${known.join(", ")}`);
    if (order.indexOf(alias) !== at) throw refused(`order[${at}] stands there twice`);
  }
  return { order: order as string[], only };
}

/** The chosen sources first, in their order; then the others as they were, unless nobody else is wanted. Pure. */
export function chosenFirst<Item>(
  choice: SourceChoice | undefined,
  items: readonly Item[],
  aliasOf: (item: Item) => string,
): readonly Item[] {
  if (choice === undefined) return items;
  const chosen = choice.order.flatMap((alias) => items.filter((item) => aliasOf(item) === alias));
  return choice.only ? chosen : [...chosen, ...items.filter((item) => !chosen.includes(item))];
}

function refused(reason: string): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason });
}
