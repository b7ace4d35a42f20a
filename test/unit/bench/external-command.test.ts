import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { runExternal } from "../../../bench/lib/external-command.ts";
import { ROOT } from "../../../scripts/lib/paths.ts";
import { listProcesses } from "../../../scripts/lib/processes.ts";

const isAlive = (pid: number): boolean => listProcesses().some((row) => row.pid === pid);
const shell = (script: string) => ({ command: "sh", args: ["-c", script] });

async function untilGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && isAlive(pid); i++) await sleep(50);
  return !isAlive(pid);
}

async function contentOf(path: string): Promise<string> {
  for (let i = 0; i < 1_200; i++, await sleep(50)) {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text.endsWith("\n")) return text;
  }
  throw new Error(`Nothing is written to ${path}.`);
}

describe("a program of others", () => {
  it("gets its input, a home of its own, and is timed", async () => {
    const { output, seconds } = await runExternal({
      ...shell('sleep 0.2; cat; echo "$HOME $TMPDIR $PWD"'),
      input: "in\n",
    });

    const [input, homes = ""] = output.split("\n");
    expect(input).toBe("in");
    expect(new Set(homes.split(" ")).size).toBe(1);
    expect(existsSync(homes.split(" ")[0] ?? "")).toBe(false);
    expect(seconds).toBeGreaterThanOrEqual(0.2);
  });

  it("isn't timed while it warms up, in the same home", async () => {
    const { output, seconds } = await runExternal({ ...shell("cat warm"), warmUp: ["-c", "sleep 5; echo hot > warm"] });

    expect(output).toBe("hot\n");
    expect(seconds).toBeLessThan(5);
  });

  it("leaves no process behind", async () => {
    const { output } = await runExternal(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));

    expect(await untilGone(Number(output))).toBe(true);
  });

  it("that fails is told with its last words", async () => {
    await expect(runExternal(shell("echo so; echo sad >&2; exit 3"))).rejects.toThrow(
      /ended with 3:\n(so\nsad|sad\nso)$/,
    );
    await expect(runExternal({ command: "no-such-program", args: [] })).rejects.toThrow(/ENOENT/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends with the bench when that gets a %s", async (name) => {
    const note = join(mkdtempSync(join(tmpdir(), "jobjob-note-")), "note");
    const file = pathToFileURL(join(ROOT, "bench", "lib", "external-command.ts")).href;
    const args = ["-c", `echo "$$ $HOME" > ${note}; sleep 1000`];
    const script = `const { runExternal } = await import(${JSON.stringify(file)});
        await runExternal({ command: "sh", args: ${JSON.stringify(args)} });`;
    const bench = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], { cwd: ROOT });
    const [pid = "", home = ""] = (await contentOf(note)).trim().split(" ");
    expect([isAlive(Number(pid)), existsSync(home)]).toEqual([true, true]);

    bench.kill(name);

    expect((await once(bench, "exit"))[0]).toBe(name === "SIGINT" ? 130 : 143);
    expect([await untilGone(Number(pid)), existsSync(home)]).toEqual([true, false]);
  });
});
