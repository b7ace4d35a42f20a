/**
 * The members of a JSON object as raw text, so that numbers keep every digit and no name can reach a prototype.
 * @param text one valid JSON value (checked by the caller)
 * @returns null when the value is no object; of a repeated name the last one counts, as for JSON.parse
 */
export function jsonMembers(text: string): Map<string, string> | null {
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return null;
  const members = new Map<string, string>();
  at = skipSpace(text, at + 1);
  while (at < text.length && text[at] !== "}") {
    const nameEnd = valueEnd(text, at);
    const name: unknown = JSON.parse(text.slice(at, nameEnd));
    at = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = valueEnd(text, at);
    members.set(String(name), text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

/** A member as a cell: text of strings, digits of numbers, "" for null and for a missing member, JSON text of the rest. */
export function cellText(raw: string | undefined): string {
  if (raw === undefined || raw === "null") return "";
  return raw.charCodeAt(0) === 0x22 ? String(JSON.parse(raw)) : raw;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

/** Index behind the value that begins at `from`. */
function valueEnd(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return stringEnd(text, from);
  if (first !== "{" && first !== "[") {
    let at = from;
    while (at < text.length && !",]} \n\r\t:".includes(text[at] ?? "")) at++;
    return at;
  }
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = stringEnd(text, at) - 1;
    else if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) return at + 1;
  }
  return text.length;
}

function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return at + 1;
  }
  return text.length;
}
