/** What to do about a rule, where its sentence does not say; the longest beginning of the rule counts. */
const advice: Readonly<Record<string, string>> = {
  "archive/git-folder": 'Leave .git out: "files" in package.json lists what belongs in.',
  "archive/npmrc": "Leave .npmrc out: whoever installs would not use it, and tokens end up there.",
  "archive/twin-names": "Rename one of the two.",
  "archive/ratio": "It unpacks to very much more than it is: leave out what is only zeros.",
  "archive/": "Pack it with npm pack; clients would not all read this archive alike (docs/formats/archive-rules.md).",
  "manifest/":
    "package.json beside the archive and in it must say the same: look for scripts that change it while packing.",
  "secrets/":
    'Leave the file out ("files" in package.json), or have allowedSecrets (of publish, or of the names in hosted) list it when it is no secret.',
  "publish/name": "Choose another name, in lower case.",
  "publish/private": 'Take "private" out of package.json when it shall be published.',
  "publish/size": "Leave out what nobody needs who installs it; the registry's limit is limits.tarballBytes.",
  "publish/tag": "Tags are words such as next or beta.",
  "publish/taken": "Raise the version: npm version patch.",
  "provenance/missing":
    "The registry needs a provenance statement of it: publish from CI, on GitHub Actions by npm publish --provenance in a job with the permission id-token: write, best by trusted publishing (npm trust).",
};

export function adviceFor(rule: string): string | undefined {
  const key = Object.keys(advice)
    .filter((each) => rule === each || (each.endsWith("/") && rule.startsWith(each)))
    .sort((a, b) => b.length - a.length)[0];
  return key === undefined ? undefined : advice[key];
}
