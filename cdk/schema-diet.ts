/**
 * S3's tables of what each operation takes and answers, without the members that our adapters never name: a PutObject alone
 * has 49, and we set five. What isn't named is never sent; what an answer holds beside is not looked at. The SDK's own
 * middleware works on checksums, so these stay.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ADAPTERS = join(import.meta.dirname, "..", "adapters");

/** Every word of the adapters that may be a member's name: read from the code, so that a new one is kept by being used. */
function wordsOfAdapters(): ReadonlySet<string> {
  const files = readdirSync(ADAPTERS, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const text = files.map((file) => readFileSync(join(ADAPTERS, file), "utf8")).join("\n");
  return new Set(text.match(/\b[A-Z][A-Za-z0-9]*\b/g));
}

/** A structure: `[3, namespace, name, traits, members, types, required]`, its first `required` members are demanded. */
const STRUCTURE =
  /^(export var \w+\$ = \[3, n0, \w+,\n\s+(?:0|\{.*\}),\n\s+)\[(.*)\],\n\s+\[(.*)\](?:, (\d+))?\n\];$/gm;

/** @param source the text of a client's `schemas/schemas_0.js` */
export function dietSchemas(source: string, words: ReadonlySet<string> = wordsOfAdapters()): string {
  const names = new Map([...source.matchAll(/^const (_\w+) = "(.*)";$/gm)].map(([, id = "", name = ""]) => [id, name]));
  return source.replace(STRUCTURE, (_, head: string, members: string, types: string, required?: string) => {
    const [ids, kinds] = [elements(members), elements(types)];
    if (ids.length !== kinds.length) throw new Error("A structure of the SDK's schemas looks different now.");
    const demanded = Number(required ?? 0);
    const kept = ids.flatMap((id, i) => {
      const name = names.get(id) ?? "";
      return i < demanded || name.includes("Checksum") || words.has(name) ? [i] : [];
    });
    const pick = (all: readonly string[]): string => `[${kept.map((i) => all[i]).join(", ")}]`;
    return `${head}${pick(ids)},\n${pick(kinds)}${required === undefined ? "" : `, ${required}`}\n];`;
  });
}

/** The elements of a list's text, whatever brackets they hold. */
function elements(text: string): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? "";
    if ("[{(".includes(c)) depth++;
    else if ("]})".includes(c)) depth--;
    else if (c === "," && depth === 0) {
      found.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === "" ? found : [...found, last];
}
