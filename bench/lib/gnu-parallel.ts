import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runExternal } from "./external-command.ts";

/**
 * GNU parallel as it comes, `-j` left to it: a process per task.
 * @returns its version; undefined when it isn't installed
 */
export async function parallelVersion(): Promise<string | undefined> {
  const isThere = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "parallel")));
  if (!isThere) return undefined;
  const { output } = await runExternal({ command: "parallel", args: ["--version"] });
  // moreutils has another program of that name.
  return /^GNU parallel (\d+)/.exec(output)?.[1];
}

/** @returns seconds that it takes to run the command `count` times */
export async function timeParallel(count: number, command: string): Promise<number> {
  const input = Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("");
  const warmUp = ["/bin/true", ":::", "1"];
  return (await runExternal({ command: "parallel", args: [command], input, warmUp })).seconds;
}
