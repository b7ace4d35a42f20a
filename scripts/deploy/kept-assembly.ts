/**
 * The last synthesised assemblies by fingerprint: a fresh emulator needs a deploy, not another synth of the same sources.
 */
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { STATE_DIRECTORY } from "../lib/paths.ts";

const KEPT = 3;

/** Copies the kept assembly of this fingerprint into the folder: a copy, since others may remove or use it meanwhile. */
export async function takeAssembly(print: string, into: string, home = defaultHome()): Promise<boolean> {
  try {
    await cp(join(home, print), into, { recursive: true });
    return true;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return false;
  }
}

/** Appears as a whole or not at all; the oldest ones go. */
export async function keepAssembly(print: string, from: string, home = defaultHome()): Promise<void> {
  await mkdir(home, { recursive: true });
  const next = await mkdtemp(join(home, "new-"));
  try {
    await cp(from, next, { recursive: true });
    // Somebody else may have kept the same one in the meantime: theirs is as good.
    await rename(next, join(home, print)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && /^(ENOTEMPTY|EEXIST)$/.test(String(error.code)))) throw error;
    });
  } finally {
    await rm(next, { recursive: true, force: true });
  }
  await removeOld(home);
}

async function removeOld(home: string): Promise<void> {
  const names = (await readdir(home)).filter((name) => !name.startsWith("new-"));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(home, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  for (const { name } of dated.sort((a, b) => b.at - a.at).slice(KEPT)) {
    await rm(join(home, name), { recursive: true, force: true });
  }
}

const defaultHome = (): string => join(STATE_DIRECTORY, "assemblies");

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";
