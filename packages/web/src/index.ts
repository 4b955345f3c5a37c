export { icon } from "./icon.ts";
export { renderHistory, type HistoryProps } from "./history.tsx";
export { renderHome, type HomeProps } from "./home.tsx";
export { renderJoin, renderJoined, type JoinedProps, type JoinProps } from "./join.tsx";
export { renderLog, type LogProps, type LogShard, type ShownCheckpoint, type ShownSignature } from "./log.tsx";
export { renderPasswordReset, renderPasswordSet, type PasswordResetProps } from "./password-reset.tsx";
export { renderPackage, type PackageProps, type PackageVersion, type ShownBind } from "./package.tsx";
export { renderRecord, type RecordProps, type RecordStep } from "./record.tsx";
export type { RecordRow } from "./records-table.tsx";
export { renderRefusal, type RefusalProps } from "./refusal.tsx";
export { renderSearch, type FoundPackage, type SearchProps } from "./search.tsx";
export { renderSources, type ShownKey, type ShownSource, type SourceGroup, type SourcesProps } from "./sources.tsx";
export { renderTrust, type ShownTrustRule, type TrustForm, type TrustProps } from "./trust.tsx";
export { renderAccount, type AccountProps } from "./people/account.tsx";
export {
  renderCodes,
  renderNewKey,
  renderTotp,
  type CodesProps,
  type KeyProps,
  type ShownFactors,
  type TotpProps,
} from "./people/factors.tsx";
export {
  renderApproval,
  renderApprovals,
  type ApprovalProps,
  type ApprovalsProps,
  type ShownApproval,
} from "./people/approvals.tsx";
export { renderAudit, type AuditFilterShown, type AuditProps } from "./people/audit.tsx";
export {
  renderOrganisation,
  renderOrganisations,
  type OrganisationProps,
  type OrganisationsProps,
  type ShownTeam,
  type ShownUse,
} from "./people/organisation.tsx";
export { renderPackageSettings, type PackageSettingsProps } from "./people/package-settings.tsx";
export { renderPolicies, type PoliciesProps } from "./people/policies.tsx";
export { renderTokens, type TokensProps } from "./people/tokens.tsx";
export type { ProofWanted, Reader } from "./people/form.tsx";
export { renderDone, renderPair, type DoneProps, type PairProps } from "./people/pair.tsx";
export { passkeyScript } from "./people/passkey-script.ts";
export {
  renderSecondFactor,
  renderSignIn,
  renderRegister,
  type SecondFactorProps,
  type SignInProps,
} from "./people/sign-in.tsx";
export { renderStepUp, type StepUpProps } from "./people/step-up.tsx";
export type { ShownChange, ShownFileChange, ShownTextChange } from "./stage/changes.tsx";
export { renderStages, type ListedStage, type StagesProps } from "./stage/list.tsx";
export { renderStage, type StageProps } from "./stage/stage.tsx";
export { styleSheet } from "./style-sheet.ts";
