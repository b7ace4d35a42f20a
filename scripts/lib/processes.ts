import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One row of the process table. `command` is the whole command line. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** The machine's processes: /proc on Linux (slim images have no `ps`), `ps` elsewhere. Zombies are left out. */
export function listProcesses(): ProcessRow[] {
  return process.platform === "linux" ? fromProc() : fromPs();
}

function fromProc(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") continue;
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      rows.push({ pid: Number(name), parent: Number(parent), group: Number(group), command });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return rows;
}

function fromPs(): ProcessRow[] {
  const text = execFileSync("ps", ["-axww", "-o", "pid=,ppid=,pgid=,stat=,command="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (!match || match[4]?.startsWith("Z")) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), group: Number(match[3]), command: match[5] ?? "" }];
  });
}

/** The process, everything below it, and everything in the process groups that these lead. */
export function family(pid: number, rows: readonly ProcessRow[]): ProcessRow[] {
  const found = new Set([pid]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const row of rows) if (found.has(row.parent) || found.has(row.group)) found.add(row.pid);
  }
  return rows.filter((row) => found.has(row.pid));
}

/**
 * Ends a process and its family: SIGTERM to the process, then SIGKILL to whatever of the family is left.
 * Every process is compared with its command line as first seen, so that a pid that was given to
 * somebody else in the meantime is never hit.
 */
export async function terminateFamily(pid: number, graceMs: number): Promise<void> {
  const known = new Map(family(pid, listProcesses()).map((row) => [row.pid, row.command]));
  const remaining = () => {
    const rows = listProcesses();
    for (const row of family(pid, rows)) if (!known.has(row.pid)) known.set(row.pid, row.command);
    return rows.filter((row) => known.get(row.pid) === row.command);
  };
  if (known.has(pid)) signal(pid, "SIGTERM");
  for (const deadline = Date.now() + graceMs; Date.now() < deadline; ) {
    if (!remaining().some((row) => row.pid === pid)) break;
    await sleep(100);
  }
  for (let round = 0; round < 20; round++) {
    const left = remaining();
    if (left.length === 0) return;
    for (const row of left) signal(row.pid, "SIGKILL");
    await sleep(50);
  }
}

/** Sends a signal; a process that is already gone is no error. Answers whether it was there. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ESRCH";
}
