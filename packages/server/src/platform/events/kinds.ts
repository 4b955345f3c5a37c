/**
 * Every kind of event, and whether somebody does it. A new one gets its place here first: `NewEvent` takes no other, and
 * takes no act of somebody without who did it.
 */

/** Somebody's acts. Each says who, from where, by which permission and policy, and the result. */
export const actKinds = [
  "account.created",
  "account.disabled",
  "account.enabled",
  "account.made-admin",
  "account.password-changed",
  "account.password-reset",
  "account.password-reset-made",
  "account.profile-changed",
  "account.unmade-admin",
  "approval.done",
  "approval.given",
  "approval.rejected",
  "approval.requested",
  "delegation.refused",
  "factor.added",
  "factor.mode-changed",
  "factor.recovery-code-used",
  "factor.recovery-codes-drawn",
  "factor.removed",
  "invitation.accepted",
  "invitation.made",
  "log.opened-after-restore",
  "name.claimed",
  "organisation.created",
  "organisation.member-removed",
  "organisation.member-set",
  "package.configured",
  "package.granted",
  "package.owners-set",
  "permission.refused",
  "policy.saved",
  "release.deprecated",
  "release.imported",
  "release.published",
  "release.superseded",
  "release.undeprecated",
  "release.unpublished",
  "scim.token-made",
  "scim.token-revoked",
  "scim.user-deleted",
  "scim.user-made",
  "scim.user-renamed",
  "sign-in.done",
  "sign-in.half-done",
  "sign-in.refused",
  "stage.approved",
  "stage.rejected",
  "stage.staged",
  "tag.removed",
  "tag.set",
  "team.created",
  "team.member-added",
  "team.member-removed",
  "team.removed",
  "token.all-revoked",
  "token.created",
  "token.revoked",
  "trust.exchanged",
  "trust.exclusive",
  "trust.refused",
  "trust.rule-added",
  "trust.rule-removed",
  "upstream.chooser-added",
  "upstream.chooser-removed",
  "upstream.restored",
  "version.freed",
] as const;

/** What the registry notices or does by itself, and what nobody in particular did. */
export const ownKinds = [
  "approval.expired",
  "blob.damaged",
  "delegation.asked",
  "delegation.found",
  "incident.sources-disagree",
  "key.added",
  "key.back",
  "key.gone",
  "key.refused",
  "key.retired",
  "log.differs",
  "log.forked",
  "log.quorum-failed",
  "log.quorum-met",
  "log.refused",
  "log.rotated",
  "log.signature-refused",
  "stage.expired",
  "upstream.conflict",
  "upstream.put-aside",
  "upstream.signature-refused",
  "upstream.wrong-bytes",
  "version.back",
  "version.gone",
] as const;

/** Of one who is known they say who: a delegation is accepted or followed by itself, refusals are of one or of many. */
export const eitherKinds = ["delegation.followed", "permission.refused-more"] as const;

/** What happens by itself and by the thousand: the log says it better than an audit trail. */
export const routineKinds = ["log.checkpoint-signed", "release.bound"] as const;

export type ActKind = (typeof actKinds)[number];
export type OwnKind = (typeof ownKinds)[number] | (typeof routineKinds)[number];
export type EitherKind = (typeof eitherKinds)[number];
