import { sha256Portable } from "@assay/core";
import { runConformance } from "./conformance.ts";
import type { Vectors } from "./context.ts";

/** What the page leaves for the test to read. */
export interface PageResult {
  readonly passed: number;
  readonly failed: readonly string[];
}

declare global {
  /** Runs the cases in this page on the vectors it is served. */
  var runInPage: () => Promise<PageResult>;
}

globalThis.runInPage = async (): Promise<PageResult> => {
  const answer = await fetch("/vectors.json");
  // The same server wrote it from the files that the types describe.
  const vectors = (await answer.json()) as Vectors;
  return await runConformance({
    sha256: sha256Portable,
    vectors,
    report: (name, failure) => console.log(failure === undefined ? `ok ${name}` : `FAILED ${name}`),
    everySizeTo: 1000,
  });
};
