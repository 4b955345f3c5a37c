/** The server as one thing: rooms (rooms.ts), the front door (routes.ts), and what runs beside (background.ts). */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import about from "../package.json" with { type: "json" };
import { createLogGossip } from "./log-gossip.ts";
import type { LoadedConfig } from "./config/load.ts";
import { rememberUpstream } from "./config/remember.ts";
import { createBackground } from "./background.ts";
import { clearTemporaryBlobs } from "./platform/blobs/files.ts";
import { lockFolder } from "./platform/database/folder-lock.ts";
import { listenProblem, makeOwnFolder } from "./platform/surroundings.ts";
import { createSystemClock } from "./platform/system-clock.ts";
import { createSystemRandom } from "./platform/system-random.ts";
import { welcome } from "./welcome.ts";
import { openRooms, type AppOptions, type Rooms } from "./rooms.ts";
import { createFrontDoor } from "./routes.ts";

export interface App extends AsyncDisposable {
  readonly rooms: Rooms;
  /** Starts the background work and accepts connections. */
  listen(): Promise<void>;
  /** What a person needs next, for the terminal. */
  welcome(): string;
  /** Stops accepting and lets requests under way finish for at most this long. */
  drain(graceMs: number): Promise<void>;
}

/** What another server wrote to in this time is not half written but under way. */
const abandonedMs = 3_600_000;

/** The server: rooms, routes, background work. */
export async function createApp(loaded: LoadedConfig, options: AppOptions): Promise<App> {
  const { config } = loaded;
  const clock = createSystemClock();
  await makeOwnFolder({ title: "The data folder", path: config.dataFolder, advice: "choose another with --data" });
  await makeOwnFolder({
    title: "The folder of the signing guard",
    path: config.log.guardFolder,
    advice: "choose another with log.guardFolder in assay.yaml or ASSAY_LOG_GUARD_FOLDER",
  });
  await using stack = new AsyncDisposableStack();
  if (config.database.engine === "sqlite") stack.use(lockFolder(join(config.dataFolder, "lock.db")));
  // Under the lock nobody writes blobs; servers on one database share them, and one of those may be writing.
  const isAlone = config.database.engine === "sqlite";
  const clearAbandonedBlobs = (): Promise<void> =>
    clearTemporaryBlobs(join(config.dataFolder, "blobs"), clock.now() - abandonedMs);
  await (isAlone ? clearTemporaryBlobs(join(config.dataFolder, "blobs")) : clearAbandonedBlobs());
  await rm(join(config.dataFolder, "spool"), { recursive: true, force: true });
  if (loaded.upstreamFromNpm) await rememberUpstream(config.dataFolder, config.upstreams[0]?.url ?? "");
  const rooms = stack.use(await openRooms(loaded, options));
  rooms.registrySigning.ready();
  for (const note of loaded.notes) rooms.telemetry.log.warn(note);
  const gossip = await createLogGossip(
    { ...rooms, clock, random: createSystemRandom() },
    rooms.checksums,
    config.dataFolder,
  );
  const background = stack.use(createBackground(rooms, gossip, clock, clearAbandonedBlobs));
  const http = stack.use(await createFrontDoor(loaded, rooms, gossip));

  const firstRun = config.role === "log" ? undefined : await rooms.identity.invitations.offerFirstRun();
  const shown = { version: about.version, loaded, firstRun };
  const opened = stack.move();
  return {
    rooms,
    async listen() {
      await http.listen(config.listen).catch((error: unknown) => {
        throw listenProblem(config.listen, error);
      });
      background.start();
    },
    welcome: () => welcome({ ...shown, publicUrls: http.publicUrls, logs: rooms.checksums.logs.list() }),
    drain: (graceMs) => http.close(graceMs),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
