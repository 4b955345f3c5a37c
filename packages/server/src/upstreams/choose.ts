import { createHash } from "node:crypto";
import type { PackageName } from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";
import type { Random } from "../platform/random.ts";
import type { Latency } from "./latency.ts";
import { chosenFirst, type SourceChoice } from "./source-choice.ts";
import type { Source } from "./sources.ts";
import type { Standing } from "./standing.ts";

/** What the order depends on besides the configuration. */
export interface Circumstances {
  readonly name: PackageName;
  /** How soon a source is expected to answer, ms. */
  readonly expectedMs: (alias: string) => number;
  /** A fraction in [0, 1), drawn anew each time. */
  readonly fraction: () => number;
  /** Sources that failed a moment ago: asked after all others. */
  readonly isCooling: (alias: string) => boolean;
}

/**
 * In which order to ask for bytes: as configured (`order`), who is expected to be soonest (`fastest`), or by a draw
 * in which each source's chance to be first is its share of the weights (`spread`); for a package it is the same draw
 * every time, here and elsewhere, until the seed or the sources change. Pure but for `fraction`.
 */
export function orderSources(
  { choose, spread, seed }: Pick<UpstreamConfig, "choose" | "spread" | "seed">,
  sources: readonly Source[],
  { name, expectedMs, fraction, isCooling }: Circumstances,
): readonly Source[] {
  const rank = ({ config }: Source, position: number): number => {
    switch (choose) {
      case "order":
        return position;
      case "fastest":
        return expectedMs(config.name);
      case "spread":
        return drawn(config.weight, spread === "request" ? fraction() : fractionOf(seed, config.name, name));
    }
  };
  return sources
    .map((source, position) => ({ source, rank: rank(source, position), isLate: isCooling(source.config.name) }))
    .sort((a, b) => Number(a.isLate) - Number(b.isLate) || a.rank - b.rank)
    .map(({ source }) => source);
}

/** The sources of a package in the order in which to ask them now: what somebody chose first, then as configured. */
export type Ordering = (
  owner: Source,
  sources: readonly Source[],
  name: PackageName,
  choice: SourceChoice | undefined,
) => readonly Source[];

export function createOrdering(deps: {
  readonly latency: Pick<Latency, "expectedMs">;
  readonly random: Pick<Random, "fraction">;
  readonly standing: Pick<Standing, "isCooling">;
}): Ordering {
  const { latency, random, standing } = deps;
  const circumstances = {
    expectedMs: latency.expectedMs,
    fraction: random.fraction,
    isCooling: standing.isCooling,
  };
  return ({ config }, sources, name, choice) =>
    chosenFirst(choice, orderSources(config, sources, { name, ...circumstances }), (source) => source.config.name);
}

/** An exponential race: the least of these is the one with weight w in w of all cases. Weight 0 is last. */
function drawn(weight: number, fraction: number): number {
  return weight === 0 ? Number.MAX_VALUE : -Math.log(1 - fraction) / weight;
}

/** A fraction in [0, 1) that a text stands for. */
function fractionOf(...words: readonly string[]): number {
  return createHash("sha256").update(words.join("\n")).digest().readUIntBE(0, 6) / 2 ** 48;
}
