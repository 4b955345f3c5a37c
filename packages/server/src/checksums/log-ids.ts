/** The log of the public namespace, and the `ns` of its records. */
export const publicLog = "npm";

/** The log of what is done to this registry itself: its own policies, its own audit trail. */
export const registryLog = "registry";

const organisationPrefix = "org:";

/** The log of an organisation's own names, and the `ns` of its records. */
export function organisationLog(organisation: string): string {
  return `${organisationPrefix}${organisation}`;
}

/** Whose log it is; undefined for that of the public namespace and that of the registry itself. */
export function organisationOfLog(log: string): string | undefined {
  return log.startsWith(organisationPrefix) ? log.slice(organisationPrefix.length) : undefined;
}

/** Whether a log is kept here, and not followed. */
export function isOwnLog(log: string): boolean {
  return log === publicLog || log === registryLog || log.startsWith(organisationPrefix);
}

/** What the names of a log's shards begin with: one segment of a path. */
export function shardPrefixOf(log: string): string {
  return log.replace(":", "-");
}
