/** The registry that npm on this machine is configured for: what whole-system tests and benchmarks read through. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";

/** Base URL without a trailing slash, or undefined when npm is missing. Asked outside any project. */
export function configuredUpstream(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn("npm", ["config", "get", "registry"], {
      cwd: tmpdir(),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.once("error", () => resolve(undefined));
    child.once("close", () => {
      const line = Buffer.concat(output).toString().trim().split("\n").at(-1)?.trim() ?? "";
      resolve(/^https?:\/\//.test(line) ? line.replace(/\/+$/, "") : undefined);
    });
  });
}

/** True when the registry answers for one small package within 10 s. */
export async function canReach(upstream: string): Promise<boolean> {
  try {
    const response = await fetch(`${upstream}/ms`, {
      headers: { accept: "application/vnd.npm.install-v1+json" },
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * The reachable upstream, or the reason why a test must be skipped. With `ASSAY_REQUIRE_COMPONENTS=1` a
 * missing upstream throws: there, skipping would hide that nothing was tested.
 */
export async function upstreamOrSkip(): Promise<{ readonly upstream: string } | { readonly skip: string }> {
  const upstream = await configuredUpstream();
  if (upstream !== undefined && (await canReach(upstream))) return { upstream };
  const reason =
    upstream === undefined
      ? "npm has no registry configured"
      : "the registry that npm is configured for cannot be reached";
  if (process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(reason);
  return { skip: reason };
}
