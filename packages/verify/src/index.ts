/**
 * What consumers of the checksum database run. Neutral to its surroundings: no Node module, every effect behind
 * `LogClientEffects`. Files and Node's hash are in `@assay/verify/node`.
 */
export { verifyLockfile, type VerifyRequest, type VerifyResult } from "./check.ts";
export type { Consistency } from "./consistency.ts";
export { createHttpEffects, listLogs, type HttpDeps, type ListedLog } from "./http-effects.ts";
export { maxBundleBytes, type LogClientEffects, type LookupOutcome } from "./log-client-effects.ts";
export {
  createLogClient,
  type BundleView,
  type LogClient,
  type LookupProgress,
  type PackageKey,
} from "./log-client.ts";
export {
  unverifiableSentences,
  type LockedPackage,
  type Lockfile,
  type SkippedCounts,
  type UnverifiablePackage,
  type UnverifiableReason,
} from "./lockfile/lockfile.ts";
export { maxLockfileBytes, parsePackageLock } from "./lockfile/package-lock.ts";
export type {
  CheckpointReport,
  MismatchingPackage,
  MissingPackage,
  Report,
  ReportedPackage,
  VerifiedPackage,
} from "./report.ts";
export { checkDistinct, formatTrustFile, parseTrustFile, trustFileName, trustLog, type TrustedLog } from "./trust.ts";
