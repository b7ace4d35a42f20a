import { createInterface } from "node:readline/promises";

/** @returns undefined when nobody is there to be asked: stdin or stdout is no terminal */
export async function confirm(question: string): Promise<boolean | undefined> {
  const { stdin, stdout, stderr } = process;
  if (stdin.isTTY !== true || stdout.isTTY !== true) return undefined;
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    // Ctrl-C and the end of the input both close the reader: that is no yes.
    const closed = new Promise<string>((resolve) => reader.once("close", () => resolve("")));
    return /^y(es)?$/i.test((await Promise.race([reader.question(`${question} [y/N] `), closed])).trim());
  } finally {
    reader.close();
  }
}
