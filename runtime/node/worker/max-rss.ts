import { readFileSync } from "node:fs";

/**
 * Bytes of resident memory of this process at its highest. On Linux from /proc: `resourceUsage().maxRSS` also counts the
 * parent's peak at the moment it forked us, which on an emulator is the emulator's own.
 */
export function maxRss(): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kib !== undefined) return Number(kib) * 1024;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // no /proc: not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
