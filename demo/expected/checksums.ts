/** (c) Size and SHA-256 of every file of a folder. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { byBytes } from "./rows.ts";

export async function checksumsOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const keys = paths.map((path) => relative(folder, path).split(sep).join("/")).sort(byBytes);
  const lines: string[] = [];
  for (const key of keys) {
    const bytes = await readFile(join(folder, key));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    lines.push(`${JSON.stringify({ key, size: bytes.length, sha256 })}\n`);
  }
  return lines.join("");
}
