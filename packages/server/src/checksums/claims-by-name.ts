import type { PackageName } from "@assay/core";
import type { Claims } from "./claims.ts";

/** What is claimed about a name or one of its versions. */
type OfNames = Omit<Claims, "claimKey" | "claimPolicy" | "claimAudit" | "boundAfter" | "boundNameAfter" | "countBound">;

/** Claims that go to the log of the name that they are about. */
export function claimsByName(of: (name: PackageName) => Claims): OfNames {
  return {
    claimBind: (transaction, facts) => of(facts.name).claimBind(transaction, facts),
    claimSupersede: (transaction, facts) => of(facts.name).claimSupersede(transaction, facts),
    claimConflict: (transaction, facts) => of(facts.name).claimConflict(transaction, facts),
    claimSighting: (transaction, kind, facts) => of(facts.name).claimSighting(transaction, kind, facts),
    claimSeen: (transaction, facts) => of(facts.name).claimSeen(transaction, facts),
    claimConfirm: (transaction, facts) => of(facts.name).claimConfirm(transaction, facts),
    claimTag: (transaction, facts) => of(facts.name).claimTag(transaction, facts),
    claimDeprecate: (transaction, facts) => of(facts.name).claimDeprecate(transaction, facts),
    claimHead: (transaction, facts) => of(facts.name).claimHead(transaction, facts),
    claimDelegate: (transaction, facts) => of(facts.name).claimDelegate(transaction, facts),
    bindsOf: (name, reader) => of(name).bindsOf(name, reader),
  };
}
