/** `--param app.by=state` and its kind: paths with dots, values as JSON where they are JSON. */
import { CliError } from "./cli-error.ts";

type Tree = Record<string, unknown>;

/**
 * @param roots the first parts that are known, or undefined for any
 * @param isText whether the value of an assignment is text, whatever it looks like
 * @throws CliError that shows how it is written
 */
export function parseAssignments(
  option: string,
  given: readonly string[],
  roots?: readonly string[],
  isText: (assignment: string) => boolean = () => false,
): Tree {
  const tree: Tree = {};
  for (const text of given) {
    const { keys, value } = splitAssignment(option, text, roots);
    setAt(tree, keys, isText(text) ? value : readValue(value), `${option} ${text}`);
  }
  return tree;
}

/** `a.b=c` as its path and its text. @throws CliError */
export function splitAssignment(
  option: string,
  text: string,
  roots?: readonly string[],
): { readonly keys: readonly string[]; readonly value: string } {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined) {
    throw usage(`${option} ${text}: write it as name=value, as in ${exampleOf(roots)}.`);
  }
  const keys = path.split(".");
  if (keys.some((key) => key === "" || key === "__proto__")) {
    throw usage(`${option} ${text}: "${path}" is no path of names; write it as in ${exampleOf(roots)}.`);
  }
  if (roots && (keys.length < 2 || !roots.includes(keys[0] ?? ""))) {
    throw usage(
      `${option} ${text}: params belong to ${roots.join(", ")}; put one of these in front, as in ${exampleOf(roots)}.`,
    );
  }
  return { keys, value };
}

const exampleOf = (roots: readonly string[] | undefined): string => (roots ? "app.by=state" : "taskTimeout=60");
const usage = (message: string): CliError => new CliError("USAGE", message);

function setAt(tree: Tree, keys: readonly string[], value: unknown, what: string): void {
  let at = tree;
  for (const key of keys.slice(0, -1)) {
    const next = Object.hasOwn(at, key) ? at[key] : {};
    if (typeof next !== "object" || next === null || Array.isArray(next)) {
      throw usage(`${what}: "${key}" was given a value of its own before; it can't hold another.`);
    }
    at[key] = next;
    at = next as Tree;
  }
  at[keys.at(-1) ?? ""] = value;
}

/** Numbers that JSON can't hold exactly (an id of 20 digits, 007) stay text. */
function readValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "number" && String(value) !== text && !/[.eE]/.test(text) ? text : value;
  } catch {
    return text; // not JSON: text as it stands
  }
}

/** `--tag team=data`: names and texts. */
export function parseTags(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw usage(`--tag ${text}: write it as name=value.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
