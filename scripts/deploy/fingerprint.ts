import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** Everything that ends up in the template or in a Lambda. */
const SOURCES = ["cdk", "lambdas", "core", "adapters", "runtime", "apps", "cdk.json", "package-lock.json"];

/** SHA-256 over the names and bytes of all that is deployed, and over the CDK context. Equal means nothing to deploy. */
export async function fingerprint(root: string, context: Readonly<Record<string, string>>): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(Object.entries(context).sort()));
  for (const file of await sourceFiles(root)) {
    hash.update(`\0${relative(root, file)}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
}

async function sourceFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  for (const source of SOURCES.map((name) => join(root, name)).filter(existsSync)) {
    const entries = await readdir(source, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
      throw error;
    });
    if (!entries) files.push(source);
    else files.push(...entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
  }
  return files.sort();
}
