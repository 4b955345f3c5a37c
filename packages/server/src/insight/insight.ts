/** What was done here, by whom: read out of the outbox. */
export { createAuditTrail, type AuditTrail } from "./audit.ts";
export { checkTrail, parseEntryLine, type Anchor, type AuditEntry, type TrailCheck } from "./entry.ts";
export { auditRoutes } from "./routes.ts";
export { insightMigrations } from "./migrations.ts";
