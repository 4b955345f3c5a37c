/** What an installation is for; `assay init --as <role>` writes the configuration that goes with it. */
export const initRoles = ["proxy", "organisation", "maintainer", "mirror", "auditor", "database"] as const;

export type InitRole = (typeof initRoles)[number];

const reachable = `# Others reach it when it listens beyond loopback; put TLS in front and name the URL that they use.
#listen: {host: 0.0.0.0}
#publicUrls: ["https://assay.example.com"]
`;

const bodies: Readonly<Record<InitRole, string>> = {
  proxy: `# A proxy in front of the registry that you use: every package is verified, bound and kept.
# Without this the registry is the one that npm is configured for.
#upstream: {url: https://registry.example.com}

${reachable}`,
  organisation: `# A registry for an organisation: its own packages from its own registry, the others from a public one.
# A name goes to the registry with the most specific pattern and nowhere else: "@acme/*" never leaves the house.
upstreams:
  npm:
    url: https://registry.example.com
    names: ["*"]
  acme:
    url: https://npm.acme.example
    names: ["@acme/*"]
# Credentials come from ASSAY_UPSTREAM_ACME_AUTHORIZATION, never from here.

# Only these, what they depend on, and what the lockfiles hold; everything else is refused.
#only: {names: ["@acme/*"], lockfiles: [/srv/app/package-lock.json]}

# Nobody outside may know which packages are used.
log: {visibility: private}

${reachable}`,
  maintainer: `# A maintainer's packages under a domain of their own, with a public log of what each version is.
# Only these names are served: anything else is not found, and nobody is asked for it.
upstreams:
  npm:
    url: https://registry.example.com
    names: [my-package, "@my-scope/*"]

log: {visibility: public}

${reachable}`,
  mirror: `# A mirror: packages are here before anybody asks, and served while their registry is down.
#   assay mirror --lockfile package-lock.json --follow 60
#   assay mirror --used
# Behind an air gap write \`upstreams: {}\` instead, and bring packages with assay export and assay import.
upstreams:
  npm:
    url: https://registry.example.com
    names: ["*"]

# What is served to others is looked after: raise the budgets with the size of the store.
sweep: {everyMinutes: 8, bytesPerSecond: 16MiB}

${reachable}`,
  auditor: `# A registry that others name as kind: auditor: they show a version only when enough auditors list it.
# List only what you look after: names that are not here are not vouched for.
upstreams:
  npm:
    url: https://registry.example.com
    names: [my-package, "@my-scope/*"]
    signatures: require

log: {visibility: public}

${reachable}`,
  database: `# The checksum database alone: what is looked up is fetched from the registries below, verified and bound.
# Others follow it with checksums: {url, vkey}; docs/operations/public-database.md.
role: log
upstreams:
  npm:
    url: https://registry.example.com
    names: ["*"]

log: {visibility: public}

${reachable}`,
};

/** The commented file of a role. Every other setting: `assay init` without a role, and assay.schema.json. */
export function renderRole(role: InitRole): string {
  return `# Assay as ${role}, written by: assay init --as ${role}\n# All settings with their defaults: assay init --config all.yaml\n\n${bodies[role]}`;
}
