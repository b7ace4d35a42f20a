import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keepAssembly, takeAssembly } from "../../../scripts/deploy/kept-assembly.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobjob-assemblies-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function assembly(text: string): Promise<string> {
  const path = await mkdtemp(join(folder, "made-"));
  await mkdir(join(path, "asset.1"));
  await writeFile(join(path, "asset.1", "index.mjs"), text);
  return path;
}

it("gives back what was kept under the same fingerprint, and nothing for another", async () => {
  const home = join(folder, "home");
  await keepAssembly("a", await assembly("one"), home);
  await keepAssembly("a", await assembly("one again"), home);
  const into = await mkdtemp(join(folder, "into-"));

  expect(await takeAssembly("b", into, home)).toBe(false);
  expect(await readdir(into)).toEqual([]);
  expect(await takeAssembly("a", into, home)).toBe(true);
  expect(await readFile(join(into, "asset.1", "index.mjs"), "utf8")).toBe("one");
  expect(await readdir(home)).toEqual(["a"]);
});

it("keeps the three newest", async () => {
  const home = join(folder, "home");
  for (const [i, print] of ["a", "b", "c", "d"].entries()) {
    await keepAssembly(print, await assembly(print), home);
    await utimes(join(home, print), i + 1, i + 1);
  }
  await keepAssembly("e", await assembly("e"), home);
  expect((await readdir(home)).sort()).toEqual(["c", "d", "e"]);
});
