/** The part of npm's own configuration reader that is used here; the package ships no types. */
declare module "@npmcli/config" {
  export default class Config {
    constructor(options: {
      readonly definitions: unknown;
      readonly shorthands: unknown;
      readonly flatten: unknown;
      readonly nerfDarts: readonly string[];
      readonly npmPath: string;
      /** Changed while loading: pass a copy. */
      readonly env: Record<string, string | undefined>;
      readonly argv: readonly string[];
      readonly execPath: string;
      readonly cwd: string;
      readonly warn: boolean;
    });
    load(): Promise<void>;
    get(key: string): unknown;
    /** `default`, `builtin`, `global`, `user`, `project`, `env`, `cli`, or null. */
    find(key: string): string | null;
    getCredentialsByURI(uri: string): {
      readonly token?: string;
      /** Base64 of `user:password`. */
      readonly auth?: string;
      readonly certfile?: string;
      readonly keyfile?: string;
    };
  }
}

declare module "@npmcli/config/lib/definitions/index.js" {
  const npm: {
    readonly definitions: unknown;
    readonly shorthands: unknown;
    readonly flatten: unknown;
    readonly nerfDarts: readonly string[];
  };
  export default npm;
}
