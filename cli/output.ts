import type { Command } from "commander";
import type { Terminal } from "./terminal.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

export const globalsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

export const printJson = ({ out }: Terminal, value: unknown): void => out(JSON.stringify(value, null, 2));

/** The first so many of a list, and whether there are more. */
export async function take<T>(
  list: AsyncIterable<T>,
  limit: number,
): Promise<{ readonly rows: T[]; readonly more: boolean }> {
  const rows: T[] = [];
  for await (const row of list) {
    if (rows.length === limit) return { rows, more: true };
    rows.push(row);
  }
  return { rows, more: false };
}
