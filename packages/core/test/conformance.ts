import type { Sha256 } from "@assay/core";
import { manyCases } from "./cases/many.ts";
import { noteCases } from "./cases/notes.ts";
import { propertyCases } from "./cases/properties.ts";
import { recordCases } from "./cases/records.ts";
import { registrySignatureCases } from "./cases/registry-signatures.ts";
import { sizeCases } from "./cases/sizes.ts";
import { treeCases } from "./cases/trees.ts";
import { witnessCases } from "./cases/witness.ts";
import type { Context, Vectors } from "./context.ts";

export interface ConformanceOptions {
  /** The synchronous SHA-256 of the runtime under test. */
  readonly sha256: Sha256;
  readonly vectors: Vectors;
  /** Called after each case: its name, and why it failed. */
  readonly report: (name: string, failure: string | undefined) => void;
  /** Every tree size up to this one is tried; default 3,000. */
  readonly everySizeTo?: number;
}

/** Runs every case that must hold in every runtime: vectors, tree maths against a naive reference, properties. */
export async function runConformance(options: ConformanceOptions): Promise<{ passed: number; failed: string[] }> {
  const context: Context = {
    sha256: options.sha256,
    vectors: options.vectors,
    everySizeTo: options.everySizeTo ?? 3000,
  };
  const failed: string[] = [];
  let passed = 0;
  const cases = [
    ...noteCases,
    ...witnessCases,
    ...treeCases,
    ...sizeCases,
    ...manyCases,
    ...recordCases,
    ...registrySignatureCases,
    ...propertyCases,
  ];
  for (const { name, run } of cases) {
    let failure: string | undefined;
    try {
      await run(context);
      passed += 1;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      failed.push(`${name}: ${failure}`);
    }
    options.report(name, failure);
  }
  return { passed, failed };
}
