import { absolutePaths, namePatterns, oneOf, packagesWanted, size, whole } from "./kinds.ts";
import type { Setting } from "./settings.ts";

/** Below `only.`, `sweep.` and `mirror.`: what the server has, what it does by itself, how much of it, and how often. */
export const upkeepSettings: readonly Setting[] = [
  {
    key: "only.names",
    env: "ASSAY_ONLY_NAMES",
    kind: namePatterns(),
    fallback: [],
    doc: "Limits the registry to these packages and, with only.closure, to what they depend on: everything else is refused, and nobody is asked for it. Default: no limit.",
  },
  {
    key: "only.lockfiles",
    env: "ASSAY_ONLY_LOCKFILES",
    kind: absolutePaths(),
    fallback: [],
    doc: "Lockfiles whose packages belong to it too; read again each minute. Absolute paths.",
  },
  {
    key: "only.closure",
    env: "ASSAY_ONLY_CLOSURE",
    kind: oneOf("follow", "off"),
    fallback: "follow",
    doc: "follow: what the packages of only.names depend on, and so on, belongs to it. off: they alone, and what the lockfiles hold.",
  },
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
  {
    key: "mirror.names",
    env: "ASSAY_MIRROR_NAMES",
    kind: packagesWanted(),
    fallback: [],
    doc: "Packages that the server has here in advance and keeps fresh, as assay mirror takes them.",
  },
  {
    key: "mirror.lockfiles",
    env: "ASSAY_MIRROR_LOCKFILES",
    kind: absolutePaths(),
    fallback: [],
    doc: "Lockfiles whose packages the server has here in advance; read again each time. Absolute paths.",
  },
  {
    key: "mirror.everyMinutes",
    env: "ASSAY_MIRROR_EVERY_MINUTES",
    kind: whole(1, 10_080),
    fallback: 60,
    doc: "How long after one mirror run the next one begins.",
  },
];
