import { size, whole } from "./kinds.ts";
import type { Setting } from "./settings.ts";

/** Below `sweep.`: how much is looked after, and how fast. */
export const sweepSettings: readonly Setting[] = [
  {
    key: "sweep.everyMinutes",
    env: "ASSAY_SWEEP_EVERY_MINUTES",
    kind: whole(0, 10_080),
    fallback: 8,
    doc: "How long a look at everything that is bound may take: stored bytes, and what sources list and serve. What is tampered with is found within it, as far as the budgets below go. 0: nothing is looked after.",
  },
  {
    key: "sweep.bytesPerSecond",
    env: "ASSAY_SWEEP_BYTES_PER_SECOND",
    kind: size(),
    fallback: "4MiB",
    doc: "Stored bytes that are read and hashed a second, at most.",
  },
  {
    key: "sweep.requestsPerSecond",
    env: "ASSAY_SWEEP_REQUESTS_PER_SECOND",
    kind: whole(1, 1000),
    fallback: 2,
    doc: "Packuments of bound packages that are read again a second, at most, over all sources.",
  },
  {
    key: "sweep.sampleBytesPerSecond",
    env: "ASSAY_SWEEP_SAMPLE_BYTES_PER_SECOND",
    kind: size(),
    fallback: "16KiB",
    doc: "Bytes that are downloaded a second, at most, to compare what sources serve with what is bound.",
  },
];
