import { nearest } from "./nearest.ts";
import { secretVariables, settings, type Layer, type RawValue, type SecretVariable } from "./settings.ts";

/** The first pass: what the environment says, unchecked. */
export interface EnvPass {
  readonly layer: Layer;
  /** Path of the configuration file (ASSAY_CONFIG). */
  readonly configFile: string | undefined;
  readonly secrets: ReadonlyMap<SecretVariable, string>;
  /** Paths from `<secret>_FILE`. */
  readonly secretFiles: ReadonlyMap<SecretVariable, string>;
  readonly surroundings: Surroundings;
  /** Sentences about what is wrong. */
  readonly problems: readonly string[];
}

/** What others than Assay put into the environment. */
export interface Surroundings {
  readonly xdgStateHome: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly httpProxy: string | undefined;
  readonly noProxy: string | undefined;
  readonly extraCaFile: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Read by the project's own tests and tools. */
const foreignNames = /^ASSAY_(?:REQUIRE_COMPONENTS|TEST_[A-Z0-9_]*)$/;
/** Kubernetes sets these for every service named `assay`, ASSAY_PORT with a URL among them. */
const serviceNames = /^ASSAY_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]*)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_[A-Z]*)?)$/;
/** Credentials of one upstream. */
const upstreamSecret = /^(ASSAY_UPSTREAM_[A-Z0-9_]+_AUTHORIZATION)(?:_FILE)?$/;
const serviceUrl = /^(?:tcp|udp|sctp):\/\//;

/** Reads ASSAY_* variables. An empty one counts as not set. Unknown names are problems: a typing error must not pass unnoticed. */
export function readEnv(env: Environment, cwd: string): EnvPass {
  const byName = new Map(settings.map((setting) => [setting.env, setting]));
  const layer = new Map<string, RawValue>();
  const secrets = new Map<SecretVariable, string>();
  const secretFiles = new Map<SecretVariable, string>();
  const problems: string[] = [];
  let configFile: string | undefined;

  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith("ASSAY_") || value === undefined || value === "") continue;
    const setting = byName.get(name);
    const secret = secretNamed(name);
    if (name === "ASSAY_CONFIG") configFile = value;
    else if (secret !== undefined) (name === secret ? secrets : secretFiles).set(secret, value);
    else if (foreignNames.test(name) || serviceNames.test(name)) continue;
    else if (name === "ASSAY_PORT" && serviceUrl.test(value)) continue;
    else if (setting === undefined) problems.push(unknown(name, byName.keys()));
    else layer.set(setting.key, { value: setting.kind.list ? splitList(value) : value, source: name, folder: cwd });
  }
  for (const secret of secretFiles.keys()) {
    if (secrets.has(secret)) problems.push(`${secret} and ${secret}_FILE are both set; set one of them.`);
  }
  return { layer, configFile, secrets, secretFiles, surroundings: readSurroundings(env), problems };
}

/** Members of a comma-separated list; empty ones are dropped. */
export function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function secretNamed(name: string): SecretVariable | undefined {
  const ofUpstream = upstreamSecret.exec(name)?.[1] as SecretVariable | undefined;
  return secretVariables.find((each) => name === each || name === `${each}_FILE`) ?? ofUpstream;
}

function unknown(name: string, known: Iterable<string>): string {
  const close = nearest(name, [...known, "ASSAY_CONFIG", ...secretVariables]);
  return `${name} is not a setting of Assay${close === undefined ? "." : `; did you mean ${close}?`}`;
}

function readSurroundings(env: Environment): Surroundings {
  const first = (...names: readonly string[]) =>
    names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return {
    xdgStateHome: first("XDG_STATE_HOME"),
    httpsProxy: first("HTTPS_PROXY", "https_proxy"),
    httpProxy: first("HTTP_PROXY", "http_proxy"),
    noProxy: first("NO_PROXY", "no_proxy"),
    extraCaFile: first("NODE_EXTRA_CA_CERTS"),
  };
}
