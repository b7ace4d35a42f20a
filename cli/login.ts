/**
 * Which deployment the commands talk to. In this order:
 * 1. JOBJOB_URL and JOBJOB_API_KEY of the environment;
 * 2. .jobjob/login.json of the checkout: the embedded emulator's, from `up` until `down` or the next `login`;
 * 3. jobjob/login.json in the user's configuration folder (XDG_CONFIG_HOME, ~/.config, %APPDATA%), from `login`.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { CliError } from "./cli-error.ts";

const loginSchema = z.object({ url: z.url(), apiKey: z.string().min(1) });
export type Login = z.infer<typeof loginSchema>;

export interface LoginPlaces {
  readonly env: NodeJS.ProcessEnv;
  /** The checkout's folder for what runs leave behind. */
  readonly stateDirectory: string;
}

export type FoundLogin = Login & { readonly from: string; readonly isEmulator: boolean };

/** @throws CliError NOT_LOGGED_IN with the two ways to mend it */
export async function findLogin(places: LoginPlaces): Promise<FoundLogin> {
  const { JOBJOB_URL: url, JOBJOB_API_KEY: apiKey } = places.env;
  const kept = [
    { path: emulatorLogin(places), isEmulator: true },
    { path: userLogin(places), isEmulator: false },
  ];
  if (url && apiKey) return { ...parse({ url, apiKey }, "JOBJOB_URL"), from: "JOBJOB_URL", isEmulator: false };
  for (const { path, isEmulator } of kept) {
    const text = await readFile(path, "utf8").catch(ignoreMissing);
    if (text === undefined) continue;
    const login = parse(readJson(text), path);
    if (url && !isSame(url, login.url)) continue;
    return { url: url ?? login.url, apiKey: apiKey ?? login.apiKey, from: path, isEmulator };
  }
  const missing = url ? `There is no API key for ${url}: set JOBJOB_API_KEY, or` : "You are not logged in:";
  throw new CliError(
    "NOT_LOGGED_IN",
    `${missing} run \`jobjob login --url ${url ?? "URL"} --key KEY\`, or \`jobjob up\` for a deployment on this machine.`,
  );
}

/** Readable by the user alone; in place at once or not at all. */
export async function saveLogin(path: string, login: Login): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}.new`;
  await writeFile(next, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  await chmod(next, 0o600);
  await rename(next, path);
}

export const forgetLogin = (path: string): Promise<void> => rm(path, { force: true });

export const emulatorLogin = ({ stateDirectory }: LoginPlaces): string => join(stateDirectory, "login.json");

export function userLogin({ env }: LoginPlaces): string {
  const home = env.HOME || homedir();
  const base = env.XDG_CONFIG_HOME || (process.platform === "win32" && env.APPDATA) || join(home, ".config");
  return join(base, "jobjob", "login.json");
}

const isSame = (a: string, b: string): boolean => a.replace(/\/+$/, "") === b.replace(/\/+$/, "");

function parse(value: unknown, from: string): Login {
  const parsed = loginSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError(
    "LOGIN_DAMAGED",
    `${from} holds no URL with an API key; run \`jobjob login --url URL --key KEY\`.`,
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // parse() says which file is damaged
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
