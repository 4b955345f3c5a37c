/** Who, what and of what, as people type them. */
import { AssayError, isAssayError, parsePackageName } from "@assay/core";
import { actions, type Action, type Resource } from "./permissions.ts";
import { anonymous, type Principal } from "../principal.ts";

const wrong = (reason: string) => new AssayError("USAGE", { reason });

/** `ada`, `person:ada`, `bot:renovate`, `ci:<rule>`, `anonymous`. */
export function parseWho(text: string): Pick<Principal, "kind" | "id" | "name"> {
  if (text === "anonymous") return { kind: "anonymous", id: "anonymous", name: "" };
  const [, kind = "person", name = ""] = /^(?:(person|bot|ci):)?([^:\s]{1,200})$/.exec(text) ?? [];
  if (name === "")
    throw wrong(`${text} is nobody; say ada, person:ada, bot:renovate, ci:<id of the trust rule> or anonymous.`);
  return { kind: kind as Principal["kind"], id: `${kind}:${name}`, name };
}

export function parseAction(text: string): Action {
  const action = actions.find((one) => one === text);
  if (action === undefined) throw wrong(`${text} is no action; there are ${actions.join(", ")}.`);
  return action;
}

/** `@acme/ui`, `package:vite`, `organisation:acme`, `channel:acme/stable`, `registry`. */
export function parseWhat(text: string): Resource {
  if (text === "registry") return { kind: "registry" };
  const [, kind = "package", name = ""] = /^(?:(package|organisation|channel):)?(.{1,300})$/.exec(text) ?? [];
  if (kind === "organisation") return { kind, name };
  if (kind === "channel") {
    const [organisation = "", channel = ""] = name.split("/");
    if (organisation === "" || channel === "") throw wrong(`${text} is no channel; say channel:acme/stable.`);
    return { kind, organisation, name: channel };
  }
  try {
    return { kind: "package", name: parsePackageName(name) };
  } catch (error) {
    if (isAssayError(error, "BAD_NAME"))
      throw wrong(
        `${text} is nothing that policies know; say a package's name, organisation:acme, channel:acme/stable or registry.`,
      );
    throw error;
  }
}

/** Whoever it is, as it comes with a session from this machine. */
export function principalOf(who: Pick<Principal, "kind" | "id" | "name">, more: Partial<Principal> = {}): Principal {
  const via = who.kind === "anonymous" ? "nothing" : who.kind === "person" ? "session" : "token";
  return { ...anonymous("127.0.0.1"), ...who, via, ...more };
}
