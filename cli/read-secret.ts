import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** A line of stdin; on a terminal what is typed isn't shown. */
export async function readSecret(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: hidden, terminal: stdin.isTTY === true });
  if (stdin.isTTY) stderr.write(prompt);
  try {
    // Ctrl-C and the end of the input both close the reader.
    const closed = new Promise<string>((resolve) => reader.once("close", () => resolve("")));
    return await Promise.race([reader.question(""), closed]);
  } finally {
    reader.close();
    if (stdin.isTTY) stderr.write("\n");
  }
}
