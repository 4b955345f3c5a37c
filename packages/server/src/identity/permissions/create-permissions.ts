import { AssayError, type PackageName } from "@assay/core";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { HostedNames } from "../names/names.ts";
import { anonymous, type Principal } from "../principal.ts";
import type { CedarAnswer } from "./cedar.ts";
import type { PermissionFacts } from "./facts.ts";
import { beyondGrant } from "./grant.ts";
import type { Action, Decision, Permissions, Resource } from "./permissions.ts";
import type { Policy } from "./policies.ts";
import type { PolicySets } from "./policy-sets.ts";
import { describeResource, makeOpenQuestion, makeQuestion } from "./question.ts";
import { readableOf } from "./readable.ts";
import { inWords, resourceInWords } from "./sentences.ts";

export interface PermissionsDeps {
  readonly names: Pick<HostedNames, "organisationOf" | "find">;
  readonly facts: PermissionFacts;
  readonly policies: PolicySets;
  readonly telemetry: Pick<Telemetry, "log">;
}

export interface PermissionsOptions {
  /** Who reads what is public. */
  readonly read: "anyone" | "signed-in";
}

/** A full cache begins anew: what is asked often is soon there again. */
const mostDecisions = 50_000;

/** Permission questions over facts and policies; decisions are kept until one of these changes. */
export function createPermissions(deps: PermissionsDeps, { read }: PermissionsOptions): Permissions {
  const { names, facts, policies, telemetry } = deps;
  const stranger = anonymous("");
  const kept = createKept<Decision>();
  const keptOpen = createKept<boolean>();
  const generation = (): string => `${policies.generation()} ${facts.generation()}`;

  async function judge(principal: Principal, action: Action, resource: Resource): Promise<Decision> {
    const engine = await policies.engine();
    const { organisation } = describeResource(names, resource);
    const question = await makeQuestion({ facts, names }, principal, action, resource);
    // No organisation's own policies keep out whoever administers the registry: somebody must be able to mend them.
    const isRepair = principal.isAdmin && action === "administer" && resource.kind === "organisation";
    const { slot, isClosed } = policies.slotFor(isRepair ? undefined : organisation);
    if (isClosed) {
      const reading = engine.ask(slot, { ...question, action: "read" });
      return { ...closed(organisation), isHidden: reading.outcome !== "allow" };
    }
    const answer = engine.ask(slot, question);
    if (answer.outcome === "failed")
      telemetry.log.error("a permission question cannot be decided, so it is refused", {
        "permission.principal": principal.id,
        "permission.action": action,
        "permission.resource": resourceInWords(resource),
        "error.message": answer.reason,
      });
    const isOpen = action === "read" && resource.kind === "package" && permissions.isOpen(resource.name);
    const beyond = isOpen ? undefined : beyondGrant(principal, action, resource, organisation);
    if (answer.outcome === "allow" && beyond === undefined) return { allowed: true, policy: answer.policies[0] ?? "-" };
    const isHidden = await hides(principal, action, resource);
    const said = reasonOf(answer, await policies.inForce(organisation));
    const { policy, reason } =
      answer.outcome === "allow"
        ? { policy: `token ${principal.grant?.tokenId ?? "-"}`, reason: beyond ?? "the token does not reach this" }
        : { policy: said.policy, reason: said.reason ?? inWords(principal, action, resource) };
    return { allowed: false, policy, reason, isHidden };
  }

  /** Whether a refusal says that there is no such thing. */
  async function hides(principal: Principal, action: Action, resource: Resource): Promise<boolean> {
    const { organisation } = describeResource(names, resource);
    if (organisation !== undefined) return action === "read" || !(await mayRead(principal, resource));
    // Whoever does not see all that lives here must not learn by a refusal that a name does not.
    return resource.kind === "package" && action !== "read" && !principal.isAdmin;
  }

  async function mayRead(principal: Principal, resource: Resource): Promise<boolean> {
    return (await permissions.decide(principal, "read", resource)).allowed;
  }

  const permissions: Permissions = {
    async decide(principal, action, resource) {
      // What every search and audit asks first: said without the engine, as the built-in policy and every grant say it.
      if (action === "read" && resource.kind === "registry" && read === "anyone" && policies.isPlain(undefined))
        return { allowed: true, policy: "anybody-reads-the-registry" };
      const now = generation();
      const { usesAddress } = policies.slotFor(describeResource(names, resource).organisation);
      const key = questionKey(principal, action, resource, usesAddress);
      const before = kept.get(now, key);
      if (before !== undefined) return before;
      try {
        const decision = await judge(principal, action, resource);
        // The facts may have changed while they were read; and the first question loads the policies.
        if (
          generation() === now &&
          policies.slotFor(describeResource(names, resource).organisation).usesAddress === usesAddress
        )
          kept.set(now, key, decision);
        return decision;
      } catch (error) {
        telemetry.log.error("a permission question cannot be decided, so it is refused", {
          "permission.principal": principal.id,
          "permission.action": action,
          error,
        });
        return { allowed: false, policy: undefined, reason: "it cannot be decided now", isHidden: false };
      }
    },

    async require(principal, action, resource) {
      const decision = await permissions.decide(principal, action, resource);
      if (decision.allowed) return decision.policy;
      const isStranger = principal.kind === "anonymous";
      // The same answer whether it exists or not, so that it tells nothing.
      if (isStranger && (action !== "read" || read === "signed-in"))
        throw new AssayError("UNAUTHORIZED", { reason: "this needs an account; sign in or send a token" });
      if (decision.isHidden) throw new AssayError("NOT_FOUND", { what: missing(resource) });
      if (isStranger) throw new AssayError("UNAUTHORIZED", { reason: decision.reason });
      const { policy, reason } = decision;
      const decided = policy === undefined ? "no policy allows it" : `policy ${policy}`;
      throw new AssayError("FORBIDDEN", {
        reason: `${reason} (${decided})`,
        ...(policy === undefined ? {} : { policy }),
      });
    },

    async readable(principal, all) {
      // Which policies look at what is known when they are loaded.
      if (all.length > 0 && !policies.isPlain(undefined)) await policies.engine();
      const reads = async (of: Principal, name: PackageName): Promise<boolean> =>
        permissions.isOpen(name) || (await mayRead(of, { kind: "package", name }));
      return await readableOf({ names, facts, policies, mayRead: reads }, principal, all);
    },

    isOpen(name) {
      const resource: Resource = { kind: "package", name };
      const { organisation, isPublic } = describeResource(names, resource);
      if (policies.slotFor(organisation).isClosed) return false;
      if (!isPublic && policies.isPlain(organisation)) return false;
      // The built-in policies say no more than this about strangers; a test holds them together.
      if (policies.isPlain(organisation)) return read === "anyone";
      const engine = policies.loadedEngine();
      if (engine === undefined) return false;
      const { slot, usesAddress } = policies.slotFor(organisation);
      // Whether it is open depends on where the question comes from: then it is not open to anybody.
      if (usesAddress) return false;
      const now = generation();
      const before = keptOpen.get(now, name);
      if (before !== undefined) return before;
      const isOpen = engine.ask(slot, makeOpenQuestion(names, stranger, resource)).outcome === "allow";
      keptOpen.set(now, name, isOpen);
      return isOpen;
    },
  };
  return permissions;
}

/** Id that stands for a policy where an organisation's own cannot be read. */
function closed(organisation = ""): Extract<Decision, { allowed: false }> {
  return {
    allowed: false,
    policy: "unreadable-policies",
    reason: `the policies of ${organisation} cannot be read by this version of the server, so everything is refused; an administrator of the registry saves others`,
    isHidden: true,
  };
}

/** In the words for what does not exist. */
function missing(resource: Resource): string {
  if (resource.kind === "package") return `The package ${resource.name}`;
  return resourceInWords(resource).replace(/^the/, "The");
}

/** The policy that decided a refusal: the first that forbids. */
function reasonOf(
  answer: CedarAnswer,
  inForce: readonly Policy[],
): { readonly policy: string | undefined; readonly reason: string | undefined } {
  if (answer.outcome === "failed")
    return {
      policy: undefined,
      reason: "the policies cannot be evaluated; an administrator finds why in the server's log",
    };
  const policy = inForce.find(({ id }) => answer.policies.includes(id));
  return { policy: policy?.id, reason: policy?.reason };
}

/** Everything that a decision depends on besides facts and policies. */
function questionKey(principal: Principal, action: Action, resource: Resource, usesAddress: boolean): string {
  const { id, isAdmin, via, grant, steppedUpAtMs, address } = principal;
  return JSON.stringify([
    id,
    isAdmin,
    via,
    steppedUpAtMs !== undefined,
    grant === undefined ? null : [grant.tokenId, grant.level, grant.packages, grant.organisations],
    action,
    resource.kind,
    "organisation" in resource ? resource.organisation : "",
    "name" in resource ? resource.name : "",
    usesAddress ? address : "",
  ]);
}

interface Kept<Value> {
  get(generation: string, key: string): Value | undefined;
  set(generation: string, key: string, value: Value): void;
}

/** What was decided in the newest generation. */
function createKept<Value>(): Kept<Value> {
  let entries = new Map<string, Value>();
  let current = "";
  return {
    get(generation, key) {
      if (generation !== current) return undefined;
      return entries.get(key);
    },
    set(generation, key, value) {
      if (generation !== current || entries.size >= mostDecisions) entries = new Map();
      current = generation;
      entries.set(key, value);
    },
  };
}
