/**
 * Projects whose lockfiles hold every shape that a client knows: aliases, peers, platforms, bundled packages, build
 * metadata, packages with a sha1 only, git, URLs, local tarballs and folders, workspaces, catalogs, patches.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packageTgz } from "./tarball.ts";
import type { NewRelease, TestUpstream } from "./upstream.ts";

/** Files of a project by path, without what a client's settings add. */
export type ProjectFiles = Readonly<Record<string, string | Uint8Array>>;

export type ProjectName = "registry" | "sources" | "workspaces" | "catalog";

/** Publishes what the projects need; also single versions, which some clients ask for. */
export function publishForLockfiles(upstream: TestUpstream): void {
  const releases: readonly NewRelease[] = [
    { name: "plain", version: "1.0.0" },
    { name: "plain", version: "1.1.0" },
    { name: "plain", version: "2.0.0" },
    { name: "@acme/lib", version: "2.0.0-rc.1", manifest: { dependencies: { plain: "^1.0.0" } } },
    {
      name: "with-peer",
      version: "1.0.0",
      manifest: {
        peerDependencies: { plain: "*", "@acme/lib": "*" },
        peerDependenciesMeta: { "@acme/lib": { optional: true } },
      },
    },
    { name: "only-darwin", version: "1.0.0", manifest: { os: ["darwin"], cpu: ["arm64"] } },
    { name: "optional", version: "1.0.0", manifest: { optionalDependencies: { "only-darwin": "1.0.0" } } },
    { name: "old", version: "0.1.0", digests: "sha1" },
    { name: "inner", version: "1.0.0" },
    {
      name: "bundler",
      version: "1.0.0",
      manifest: { dependencies: { inner: "1.0.0" }, bundleDependencies: ["inner"] },
      files: { "node_modules/inner/package.json": '{"name":"inner","version":"1.0.0"}' },
    },
    { name: "build", version: "1.0.0+build.5" },
    {
      name: "has-bin",
      version: "3.0.0",
      manifest: { bin: { "has-bin": "cli.js" }, engines: { node: ">=10" } },
      files: { "cli.js": "#!/usr/bin/env node\n" },
    },
  ];
  for (const release of releases) {
    const { name, version } = upstream.publish(release);
    upstream.put(`/${name}/${version}`, JSON.stringify(upstream.document(name).versions[version]), {
      "content-type": "application/json",
    });
  }
  upstream.put("/files/from-url-1.0.0.tgz", packageTgz({ name: "from-url", version: "1.0.0" }), {
    "content-type": "application/octet-stream",
  });
}

/** Makes a git repository in `folder` and serves it below `/git/tool.git`; answers its one commit. */
export function publishGit(upstream: TestUpstream, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const person = { NAME: "Example", EMAIL: "example@example.com", DATE: "2020-01-01T00:00:00Z" };
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) =>
      Object.entries(person).map(([field, value]) => [`GIT_${role}_${field}`, value]),
    ),
  );
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, {
      cwd: folder,
      env: { ...env, PATH: process.env["PATH"], HOME: folder },
      encoding: "utf8",
    });
  git("init", "--quiet", "--initial-branch=main");
  writeFileSync(path.join(folder, "package.json"), '{"name":"from-git","version":"1.2.3"}\n');
  git("add", "package.json");
  git("commit", "--quiet", "--message=one");
  git("update-server-info");
  const dot = path.join(folder, ".git");
  for (const file of readdirSync(dot, { recursive: true, encoding: "utf8" })) {
    if (statSync(path.join(dot, file)).isFile())
      upstream.put(`/git/tool.git/${file}`, readFileSync(path.join(dot, file)));
  }
  return git("rev-parse", "HEAD").trim();
}

const patch = `diff --git a/package.json b/package.json
index 1111111..2222222 100644
--- a/package.json
+++ b/package.json
@@ -1,4 +1,4 @@
 {
   "name": "plain",
-  "version": "1.1.0"
+  "version": "1.1.0", "patched": true
 }
`;

/** The files of a project. `commit`: what `publishGit` answered; undefined leaves git out. */
export function projectFiles(name: ProjectName, upstream: TestUpstream, commit?: string): ProjectFiles {
  const root = (manifest: object): string => json({ name: "project", version: "1.0.0", private: true, ...manifest });
  switch (name) {
    case "registry": {
      const dependencies = {
        plain: "^1.0.0",
        "@acme/lib": "2.0.0-rc.1",
        "with-peer": "1.0.0",
        optional: "^1.0.0",
        bundler: "1.0.0",
        renamed: "npm:plain@2.0.0",
        "@x/renamed": "npm:@acme/lib@2.0.0-rc.1",
        old: "0.1.0",
        build: "^1.0.0",
      };
      return { "package.json": root({ dependencies, devDependencies: { "has-bin": "^3.0.0" } }) };
    }
    case "sources": {
      const git = commit === undefined ? {} : { "from-git": `git+${upstream.url}/git/tool.git#${commit}` };
      const dependencies = {
        plain: "1.0.0",
        ...git,
        "from-url": `${upstream.url}/files/from-url-1.0.0.tgz`,
        "from-file": "file:./from-file.tgz",
        "from-folder": "file:./folder",
      };
      return {
        "package.json": root({ dependencies }),
        "from-file.tgz": packageTgz({ name: "from-file", version: "1.0.0" }),
        "folder/package.json": json({ name: "from-folder", version: "1.0.0", dependencies: { "has-bin": "3.0.0" } }),
      };
    }
    case "workspaces":
      return {
        "package.json": root({ workspaces: ["packages/*"], dependencies: { plain: "1.0.0" } }),
        "packages/a/package.json": json({
          name: "@ws/a",
          version: "1.0.0",
          dependencies: { "@ws/b": "1.0.0", plain: "^1.0.0" },
        }),
        "packages/b/package.json": json({
          name: "@ws/b",
          version: "1.0.0",
          dependencies: { plain: "2.0.0", "@acme/lib": "2.0.0-rc.1" },
        }),
      };
    case "catalog":
      return {
        "package.json": root({ dependencies: { plain: "catalog:", "@acme/lib": "catalog:" } }),
        "plain.patch": patch,
      };
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
