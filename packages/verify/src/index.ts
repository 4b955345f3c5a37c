/**
 * What consumers of the checksum database run. Neutral to its surroundings: no Node module, every effect behind
 * `LogClientEffects`. Files and Node's hash are in `@assay/verify/node`.
 */
export { openBundlePart, readBundle, type OpenedBundle, type RefusedBundle } from "./bundle-opening.ts";
// What every caller needs of the core, so that the published package is enough.
export {
  AssayError,
  isAssayError,
  MisbehaviourError,
  parseIntegrity,
  parsePackageName,
  parseVersion,
  sha256Portable,
  type Integrity,
  type PackageName,
  type Sha256,
  type Version,
} from "@assay/core";
export { verifyLockfiles, type VerifyRequest, type VerifyResult } from "./check.ts";
export { checkEvidence, parseEvidence, type EvidenceVerdict } from "./follow/check-evidence.ts";
export { copyLog, type CopyProgress, type LogCopyStore } from "./follow/copy-log.ts";
export { differenceOf, proveDifference, type Difference, type ServedRelease } from "./follow/difference.ts";
export {
  noTileCache,
  type CheckpointState,
  type FollowEffects,
  type LookupAnswer,
  type TileSource,
} from "./follow/effects.ts";
export { evidenceFormat, evidenceIn, type Evidence, type EvidenceKind } from "./follow/evidence.ts";
export {
  createFollower,
  readLookup,
  type Follower,
  type FollowerDeps,
  type LookupAsked,
  type LookupRefused,
} from "./follow/follower.ts";
export { createHttpFollowEffects } from "./follow/http-effects.ts";
export {
  findSuccessor,
  isPredecessorTree,
  openPredecessor,
  predecessorIn,
  seenSuccessor,
  successorIn,
  type Predecessor,
  type Successor,
} from "./follow/lineage.ts";
export {
  parseLookup,
  proveLookup,
  wrongAnswer,
  type LookedUp,
  type LookupBody,
  type StandingRecord,
} from "./follow/lookup.ts";
export type { Consistency } from "./follow/merge.ts";
export { anyCheckpoint, quorumTime, type FollowPolicy } from "./follow/policy.ts";
export { openCheckpoint, type SignedCheckpoint } from "./follow/signed-checkpoint.ts";
export type { ProvenRecord, ProvenTree } from "./follow/tree.ts";
export type { CheckpointAge } from "./freshness.ts";
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
  type LockfileClient,
  type SkippedCounts,
  type UnpinnedPackage,
  type UnverifiablePackage,
  type UnverifiableReason,
} from "./lockfile/lockfile.ts";
export { readPnpmDocuments } from "./lockfile/pnpm-lock.ts";
export { lockfileFormats, parseLockfile, type LockfileFormat } from "./lockfile/formats.ts";
export { rewriteLockfile, type RewriteRequest, type Rewritten } from "./lockfile/rewrite/rewrite.ts";
export { maxLockfileBytes } from "./lockfile/reading.ts";
export { checkServed, type ServedProgress, type ServedTarball, type TarballEffects } from "./served.ts";
export { refusalText } from "./refusal-text.ts";
export type {
  CheckpointReport,
  Marks,
  MismatchingPackage,
  MissingPackage,
  Report,
  ReportedPackage,
  SupersededPackage,
  ThroughRecordPackage,
  VerifiedPackage,
} from "./report.ts";
export {
  acceptableCategories,
  checkDistinct,
  trustLog,
  trustLogs,
  vkeyFingerprint,
  type AcceptableCategory,
  type AllowedSupersede,
  type TrustedLog,
  type TrustPolicy,
} from "./trust.ts";
export { standingOf, type ProvenStatement } from "./standing.ts";
export { formatTrustFile, maxTrustFileBytes, parseTrustFile, trustFileName } from "./trust-file.ts";
