/**
 * Who may import whom. Reads every import of every source file and holds it against the table below;
 * prints each import that the table does not allow. Exit code 1 when there is one.
 */
import { readFileSync, globSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { parseSync } from "oxc-parser";

/** Rooms of the server, lowest first: a room imports the public faces of rooms before it. */
const rooms = [
  "signing",
  "witnessing",
  "monitoring",
  "checksums",
  "releases",
  "upstreams",
  "delegation",
  "closure",
  "identity",
  "vetting",
  "admission",
  "sweep",
  "mirroring",
  "serving",
  "publishing",
  "promotion",
  "recall",
  "delivery",
  "insight",
];
/** Composition: may import everything in the server. */
const composition = new Set([
  "app.ts",
  "background.ts",
  "check-release.ts",
  "hosting.ts",
  "import-registry.ts",
  "main.ts",
  "owned-rooms.ts",
  "rooms.ts",
  "routes.ts",
  "rooms.ts",
  "routes.ts",
  "doctor.ts",
  "doctor-finding.ts",
  "doctor-followed-log.ts",
  "doctor-quotas.ts",
  "doctor-sweep.ts",
  "doctor-upstreams.ts",
  "log-commands",
  "log-witnesses.ts",
  "monitor-app.ts",
  "policy-commands",
  "log-gossip.ts",
  "storage.ts",
  "welcome.ts",
  "witness-app.ts",
  "witness-main.ts",
  "witness-welcome.ts",
]);
/** Besides its face: what a worker thread of another room loads, without the room. */
const workerFaces = new Set([
  "packages/server/src/upstreams/assemble.ts",
  "packages/server/src/admission/inspect-archive.ts",
]);
const building = new Set(["config", "http", "platform"]);

/** The one place (folder or file) that imports each dependency. Types-only imports count too. */
const dependencyHomes: Readonly<Record<string, readonly string[]>> = {
  fastify: [
    "packages/server/src/http/",
    "packages/server/src/*/routes",
    "packages/server/src/identity/*/routes",
    "packages/server/src/serving/routes",
  ],
  kysely: [
    "packages/server/src/platform/database/",
    "packages/server/src/*/store",
    "packages/server/src/*/migrations",
    "packages/server/src/*/tables",
    "packages/server/src/identity/*/store",
    "packages/server/src/identity/*/migrations",
    "packages/server/src/serving/search/store",
    "packages/server/src/serving/search/migrations",
    "packages/server/src/platform/jobs/",
    "packages/server/src/platform/events/",
  ],
  pg: ["packages/server/src/platform/database/", "packages/testkit/src/"],
  undici: ["packages/server/src/platform/network/"],
  tinypool: ["packages/server/src/platform/workers/"],
  pino: ["packages/server/src/platform/telemetry/"],
  "prom-client": ["packages/server/src/platform/telemetry/"],
  "lru-cache": ["packages/server/src/platform/"],
  yaml: ["packages/server/src/config/", "packages/verify/src/lockfile/yaml"],
  "@sigstore/tuf": ["packages/server/src/upstreams/"],
  "@sigstore/verify": ["packages/server/src/publishing/"],
  "@sigstore/bundle": ["packages/server/src/publishing/"],
  "@cedar-policy/cedar-wasm": ["packages/server/src/identity/permissions/"],
  jose: ["packages/server/src/identity/ci/", "packages/testkit/src/"],
  "openid-client": ["packages/server/src/identity/sign-in/"],
  "@simplewebauthn/server": ["packages/server/src/identity/sign-in/"],
  "@npmcli/config": ["packages/server/src/config/"],
  commander: ["packages/cli/src/"],
  preact: ["packages/web/src/"],
  "preact-render-to-string": ["packages/web/src/"],
};

/** What each package may import of the workspace. */
const packageImports: Readonly<Record<string, readonly string[]>> = {
  core: [],
  verify: ["core"],
  web: [],
  server: ["core", "verify", "web"],
  cli: ["core", "verify", "server"],
  testkit: ["core", "server"],
};

/** Packages (and the parts of them) that run outside Node: no `node:` module. */
const neutral = [/^packages\/core\/src\//, /^packages\/verify\/src\/(?!node\/)/, /^packages\/web\/src\//];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const { program, module } = parseSync(file, readFileSync(file, "utf8"));
  void program;
  const found: Import[] = [];
  for (const statement of module.staticImports) {
    found.push({
      from: file,
      to: statement.moduleRequest.value,
      typeOnly: statement.entries.length > 0 && statement.entries.every((entry) => entry.isType),
    });
  }
  for (const statement of module.staticExports) {
    for (const entry of statement.entries) {
      if (entry.moduleRequest) found.push({ from: file, to: entry.moduleRequest.value, typeOnly: entry.isType });
    }
  }
  const text = readFileSync(file, "utf8");
  for (const dynamic of module.dynamicImports) {
    const literal = /^["'](.*)["']$/.exec(text.slice(dynamic.moduleRequest.start, dynamic.moduleRequest.end));
    if (literal?.[1]) found.push({ from: file, to: literal[1], typeOnly: false });
  }
  return found;
}

function dependencyName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** `packages/server/src/admission/archive/read.ts` → `admission`; a file at the top → its own name. */
function roomOf(file: string): string {
  return file.slice("packages/server/src/".length).split("/")[0] ?? "";
}

function matches(file: string, home: string): boolean {
  const pattern = home
    .split("*")
    .map((part) => part.replaceAll(/[.\\/]/g, "\\$&"))
    .join("[^/]+");
  return new RegExp(`^${pattern}`).test(file);
}

function refusalInServer(from: string, target: string, typeOnly: boolean): string | undefined {
  const here = roomOf(from);
  const there = roomOf(target);
  if (composition.has(here) || (typeOnly && target === "packages/server/src/config/config.ts")) return undefined;
  if (composition.has(there)) return "only the composition root imports the composition root";
  if (here === there) return undefined;
  const lower = rooms.indexOf(there);
  if (here === "platform") return there === "platform" ? undefined : `platform imports no ${there}`;
  if (here === "config") return `config imports nothing of the server, not ${there}`;
  if (here === "http") return building.has(there) ? undefined : "http imports no room";
  if (building.has(there))
    return there === "config" && !target.endsWith("/config.ts") ? "rooms see config/config.ts only" : undefined;
  if (lower < 0) return `unknown room ${there}`;
  if (lower >= rooms.indexOf(here)) return `${here} stands below ${there}: pass what it needs in from app.ts`;
  const face = target.slice(`packages/server/src/${there}/`.length);
  return face === `${there}.ts` || workerFaces.has(target)
    ? undefined
    : `${there}/${face} is inside another room; its face is ${there}/${there}.ts`;
}

function refusal({ from, to, typeOnly }: Import): string | undefined {
  const isTest = from.endsWith(".test.ts") || /\/test-[\w-]+\.ts$/.test(from) || /^packages\/\w+\/test\//.test(from);
  const own = /^packages\/(\w+)\//.exec(from)?.[1] ?? "";
  if (to.startsWith("node:"))
    return !isTest && neutral.some((place) => place.test(from))
      ? `no node: module here, it runs outside Node`
      : undefined;
  if (to.startsWith(".")) {
    const target = relative(process.cwd(), resolve(dirname(from), to));
    if (!target.startsWith(`packages/${own}/`)) return "relative imports stay inside their package";
    return own === "server" &&
      !isTest &&
      from.startsWith("packages/server/src/") &&
      target.startsWith("packages/server/src/")
      ? refusalInServer(from, target, typeOnly)
      : undefined;
  }
  if (to.startsWith("@assay/")) {
    const target = dependencyName(to).slice("@assay/".length);
    if (target === "testkit") return isTest ? undefined : "testkit is for tests only";
    if (isTest) return undefined;
    return packageImports[own]?.includes(target) ? undefined : `${own} does not import ${target}`;
  }
  const homes = dependencyHomes[dependencyName(to)];
  return homes === undefined || isTest || own === "testkit" || homes.some((home) => matches(from, home))
    ? undefined
    : `${dependencyName(to)} is imported only in ${homes.join(", ")}`;
}

/** Ambient time, randomness and environment, and the files that are their one home. */
const ambient: readonly {
  readonly pattern: RegExp;
  readonly homes: readonly string[];
  readonly instead: string;
}[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|(?<![.\w])setTimeout\(|(?<![.\w])setInterval\(/,
    homes: [
      "packages/server/src/platform/system-clock.ts",
      "packages/server/src/platform/database/sqlite-writer.ts",
      "packages/cli/",
      "packages/testkit/",
      "packages/verify/src/node/plugins/surroundings.ts",
    ],
    instead: "take a Clock",
  },
  {
    pattern: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(|\bgetRandomValues\(/,
    homes: ["packages/server/src/platform/system-random.ts", "packages/testkit/"],
    instead: "take a Random",
  },
  {
    pattern: /\bprocess\.env\b/,
    homes: ["packages/cli/", "packages/testkit/", "packages/verify/src/node/plugins/surroundings.ts"],
    instead: "take the environment as a value",
  },
];

function ambientUses(file: string): string[] {
  if (file.endsWith(".test.ts") || !file.includes("/src/")) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line, index) =>
      ambient
        .filter(
          ({ pattern, homes }) =>
            pattern.test(line) && !/^\s*(\*|\/\/)/.test(line) && !homes.some((home) => file.startsWith(home)),
        )
        .map(({ instead }) => `${file}:${index + 1}: ${line.trim()}: ${instead}`),
    );
}

const files = globSync("packages/*/{src,test,bin}/**/*.{ts,tsx,mjs}").sort();
let refused = 0;
for (const file of files) {
  for (const use of ambientUses(file)) {
    refused += 1;
    console.log(use);
  }
  for (const found of importsOf(file)) {
    const reason = refusal(found);
    if (reason === undefined) continue;
    refused += 1;
    console.log(`${found.from}: import "${found.to}": ${reason}`);
  }
}
console.log(`${files.length} files, ${refused} refused imports`);
process.exitCode = refused === 0 && files.length > 0 ? 0 : 1;
