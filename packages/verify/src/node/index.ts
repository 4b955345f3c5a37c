/** Node's side of `@assay/verify`: files and the fast hash. */
export { createFileCheckpointStore } from "./checkpoint-store.ts";
export { findLockfile, findLockfiles, readLimited, readLockfile } from "./lockfile-file.ts";
export { createLogFolder, type LogFolder } from "./log-folder.ts";
export { mirrorLog, type MirroredShard, type MirrorLogDeps, type MirrorLogOptions } from "./mirror-log.ts";
export { checkProject, type ProjectCheckDeps } from "./project-check.ts";
export { sha256 } from "./sha256.ts";
export { stateFolder } from "./state-folder.ts";
export { readTrustFile, trustFilePlace, type FoundTrust } from "./trust-place.ts";
export { createTarballEffects } from "./tarball-digest.ts";
export { createFileTileCache } from "./tile-cache.ts";
