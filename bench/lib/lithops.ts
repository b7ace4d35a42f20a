import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import * as z from "zod";
import { STATE_DIRECTORY } from "../../scripts/lib/paths.ts";
import { pythonEnvironment } from "../../scripts/lib/python-environment.ts";
import { runExternal } from "./external-command.ts";

const FOLDER = join(import.meta.dirname, "..", "lithops");
const answer = z.object({ seconds: z.number(), sha256: z.string() });

/** Lithops in an environment of its own, built at first use. @returns its Python */
export function installLithops(say: (line: string) => void): Promise<string> {
  return pythonEnvironment(
    {
      name: "lithops",
      size: "20 MB",
      requirements: join(FOLDER, "requirements.txt"),
      home: join(STATE_DIRECTORY, "lithops"),
    },
    say,
  );
}

/**
 * The numbers from 1 to `count`, each by a task, on its localhost backend. No network is used.
 * @param backend `default`: a process per task, what it takes when nothing is said; `pooled`: its older one, which runs all
 *   tasks of a map in the processes of one pool
 * @returns seconds from the map's call to its last result
 * @throws Error when the output isn't what it must be
 */
export async function timeLithops(python: string, count: number, backend: "default" | "pooled"): Promise<number> {
  const args = [join(FOLDER, "number_job.py"), String(count), backend === "default" ? "2" : "1"];
  const { output } = await runExternal({ command: python, args, path: dirname(python) });
  const { seconds, sha256 } = answer.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
  const expected = Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("");
  if (sha256 !== createHash("sha256").update(expected).digest("hex"))
    throw new Error("Lithops gives another output than the numbers; it doesn't do the same.");
  return seconds;
}
