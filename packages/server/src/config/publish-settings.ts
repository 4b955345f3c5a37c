import { allowedSecrets, oneOf, quotaRules, whole } from "./kinds.ts";
import type { Setting } from "./settings.ts";

/** Below `publish.`: what may be published here, and taken back. */
export const publishSettings: readonly Setting[] = [
  {
    key: "publish.provenance",
    env: "ASSAY_PUBLISH_PROVENANCE",
    kind: oneOf("require", "warn", "off"),
    fallback: "warn",
    doc: "Whether a version needs a provenance statement: require, what has none is refused; warn, the publisher of a public package is told; off, nothing is said. One that is about anything else is refused in any case. Members of `hosted` may say otherwise of their names.",
  },
  {
    key: "publish.allowedSecrets",
    env: "ASSAY_PUBLISH_ALLOWED_SECRETS",
    kind: allowedSecrets(),
    fallback: [],
    example: ["@acme/tls secrets/private-key test/key.pem"],
    doc: "Files that may be published though a rule about secrets names them, such as the keys of a test: package, rule and path. Members of `hosted` may say otherwise of their names.",
  },
  {
    key: "publish.unpublishHours",
    env: "ASSAY_PUBLISH_UNPUBLISH_HOURS",
    kind: whole(0, 87_600),
    fallback: 72,
    doc: "How long after its publishing a version can be unpublished, in hours. Its number is never free again.",
  },
  {
    key: "publish.burstPackages",
    env: "ASSAY_PUBLISH_BURST_PACKAGES",
    kind: whole(0, 100_000),
    fallback: 50,
    doc: "How many packages one identity may publish to within publish.burstMinutes; what is of yet another one must be staged and approved, as a stolen credential that spreads itself would be noticed. 0: any number.",
  },
  {
    key: "publish.burstMinutes",
    env: "ASSAY_PUBLISH_BURST_MINUTES",
    kind: whole(1, 1440),
    fallback: 10,
    doc: "The minutes of publish.burstPackages.",
  },
  {
    key: "publish.perMinute",
    env: "ASSAY_PUBLISH_PER_MINUTE",
    kind: whole(0, 1_000_000),
    fallback: 600,
    doc: "How many changes of packages (publishes, stages, tags, deprecations) one identity may send a minute; it may send as many at once. 0: any number.",
  },
  {
    key: "publish.stageDays",
    env: "ASSAY_PUBLISH_STAGE_DAYS",
    kind: whole(1, 365),
    fallback: 30,
    doc: "How long a staged version waits for approval, in days; then it is dropped, and its number is free again.",
  },
  {
    key: "publish.upperCaseNames",
    env: "ASSAY_PUBLISH_UPPER_CASE_NAMES",
    kind: oneOf("refuse", "allow"),
    fallback: "refuse",
    doc: "Whether a new package may have upper-case letters in its name, as below a scope @Acme that came from elsewhere. Those that are here get new versions in any case, and no name differs from another by case alone.",
  },
  {
    key: "publish.quotas",
    env: "ASSAY_PUBLISH_QUOTAS",
    kind: quotaRules(),
    fallback: [],
    example: ["500 packages", "20GiB", "acme 100GiB"],
    doc: "What an organisation may have here at most: packages, versions, and bytes of their tarballs, with staged ones and without what was unpublished. A rule with an organisation before it counts there instead of the one of all. See docs/operations/organisations.md.",
  },
];
