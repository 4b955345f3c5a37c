export { icon } from "./icon.ts";
export { renderHistory, type HistoryProps } from "./history.tsx";
export { renderHome, type HomeProps } from "./home.tsx";
export { renderLog, type LogProps, type LogShard, type ShownCheckpoint, type ShownSignature } from "./log.tsx";
export { renderPackage, type PackageProps, type PackageVersion, type ShownBind } from "./package.tsx";
export { renderRecord, type RecordProps, type RecordStep } from "./record.tsx";
export type { RecordRow } from "./records-table.tsx";
export { renderRefusal, type RefusalProps } from "./refusal.tsx";
export { styleSheet } from "./style-sheet.ts";
