import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { STATE_DIRECTORY } from "../lib/paths.ts";
import { listProcesses, terminateFamily } from "../lib/processes.ts";
import { ToolingError } from "../lib/tooling-error.ts";
import { installEmulator } from "./install.ts";

const STATE_FILE = join(STATE_DIRECTORY, "emulator.json");
const READY_TIMEOUT_MS = 60_000;
/** The emulator ends its Lambda processes itself when asked; what is left after this is killed. */
const STOP_GRACE_MS = 5_000;

const stateSchema = z.object({
  endpoint: z.string(),
  pid: z.int().positive(),
  startedAt: z.string(),
  /** Stands on the command line of the process: how we know it for ours. */
  directory: z.string(),
});

/** A running emulator. `directory` holds its temporary files and goes with it. */
export type Emulator = z.infer<typeof stateSchema>;

export interface EmulatorOptions {
  /** Called with short progress lines. @default nothing is printed */
  readonly say?: (line: string) => void;
}

/** The checkout's shared emulator: the one that runs, else a new one, which goes on after this process. */
export async function ensureEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const running = await emulatorStatus();
  if (running) return running;
  const emulator = await startEmulator({ ...options, lifetime: "until-stopped" });
  await writeFile(`${STATE_FILE}.new`, `${JSON.stringify(emulator, null, 2)}\n`);
  await rename(`${STATE_FILE}.new`, STATE_FILE);
  return emulator;
}

/** The shared emulator if it is ours, alive and answering. */
export async function emulatorStatus(): Promise<Emulator | undefined> {
  const emulator = await readState();
  return emulator && isOurs(emulator) && (await answers(emulator.endpoint)) ? emulator : undefined;
}

/** Stops the given emulator, or the shared one, with every process it started. Answers whether one ran. */
export async function stopEmulator(emulator?: Emulator): Promise<boolean> {
  const target = emulator ?? (await readState());
  if (!target) return false;
  const wasRunning = isOurs(target);
  if (wasRunning) await terminateFamily(target.pid, STOP_GRACE_MS);
  // Lambda processes that outlived an emulator which died by itself run from its directory.
  for (const row of listProcesses()) {
    if (row.command.includes(target.directory)) await terminateFamily(row.pid, 0);
  }
  await rm(target.directory, { recursive: true, force: true, maxRetries: 3 });
  if (!emulator) await rm(STATE_FILE, { force: true });
  return wasRunning;
}

/**
 * Starts an emulator on a free port of the loopback interface and waits until it answers.
 * With lifetime "with-me" it ends with this process, even when that is killed.
 *
 * @throws ToolingError when it can't be installed or doesn't come up
 */
export async function startEmulator(
  options: EmulatorOptions & { readonly lifetime: "with-me" | "until-stopped" },
): Promise<Emulator> {
  const say = options.say ?? (() => {});
  const python = await installEmulator(say);
  // Outside the checkout: a Lambda unpacked below our package.json would be an ES module and find our node_modules.
  const directory = await mkdtemp(join(tmpdir(), "jobjob-emulator-"));
  await mkdir(join(directory, "tmp"));
  const log = options.lifetime === "with-me" ? join(directory, "emulator.log") : join(STATE_DIRECTORY, "emulator.log");
  const began = Date.now();
  const port = await freePort();
  const output = openSync(log, "w");
  const owner = options.lifetime === "with-me" ? [String(process.pid)] : [];
  const child = spawn(python, [join(import.meta.dirname, "launch.py"), directory, ...owner], {
    cwd: directory,
    detached: true, // its own process group: Ctrl-C in a terminal must not end it before its clean-up
    env: environment(port, directory),
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.unref();
  const emulator: Emulator = {
    endpoint: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    startedAt: new Date(began).toISOString(),
    directory,
  };
  for (const deadline = began + READY_TIMEOUT_MS; !(await answers(emulator.endpoint)); await sleep(100)) {
    if (child.exitCode === null && child.signalCode === null && Date.now() < deadline) continue;
    const tail = (await readFile(log, "utf8")).trim().split("\n").slice(-15).join("\n");
    await stopEmulator(emulator);
    throw new ToolingError(`emulator: did not come up on ${emulator.endpoint}. The end of its log:\n${tail}`);
  }
  say(`emulator: ready on ${emulator.endpoint} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  return emulator;
}

/** A Lambda inherits the emulator's environment, so it gets only what it needs: above all no AWS_ENDPOINT_URL of the caller. */
function environment(port: number, directory: string): NodeJS.ProcessEnv {
  const given = process.env;
  return {
    PATH: [dirname(process.execPath), given.PATH].join(delimiter),
    HOME: given.HOME,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    LANG: "C.UTF-8",
    TZ: "UTC",
    TMPDIR: join(directory, "tmp"),
    STATE_DIR: join(directory, "state"),
    S3_DATA_DIR: join(directory, "s3"),
    GATEWAY_PORT: String(port),
    BIND_HOST: "127.0.0.1",
    IOT_MTLS_ENABLED: "0",
    LOG_LEVEL: given.JOBJOB_EMULATOR_LOG_LEVEL ?? "WARNING",
    // Every Lambda in use is a Node process of about 60 MB. 48 is more than the tests' API calls, Map children and
    // long polls use at once (a throttle would be noise), and few enough for two cores and 4 GB.
    LAMBDA_ACCOUNT_CONCURRENCY: given.LAMBDA_ACCOUNT_CONCURRENCY ?? "48",
    // Idle processes of a burst go after a minute instead of five.
    LAMBDA_WARM_TTL_SECONDS: "60",
    ...(given.SFN_WAIT_SCALE === undefined ? {} : { SFN_WAIT_SCALE: given.SFN_WAIT_SCALE }),
  };
}

async function readState(): Promise<Emulator | undefined> {
  const text = await readFile(STATE_FILE, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = stateSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new ToolingError(`${STATE_FILE} is damaged: remove it, and end the emulator by hand if one still runs.`);
}

function isOurs(emulator: Emulator): boolean {
  return listProcesses().some((row) => row.pid === emulator.pid && row.command.includes(emulator.directory));
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false; // refused or too slow: not up, which is what was asked
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new ToolingError("emulator: found no free port.");
  return address.port;
}
