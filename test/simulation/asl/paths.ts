/** Reference paths of the state language: `$`, `$.a.b`. */
import type { Json } from "./interpreter.ts";

/** @throws Error when nothing is there: on AWS a States.Runtime error that no Catch sees. */
export function readPath(path: string, data: Json): Json {
  let value: Json | undefined = data;
  for (const name of namesOf(path)) {
    value = isObject(value) ? value[name] : undefined;
    if (value === undefined) throw new Error(`States.Runtime: nothing at ${path} of ${JSON.stringify(data)}`);
  }
  return value;
}

/** `undefined` keeps the place empty: a Choice on it goes to its Default on neither engine, but fails. */
export function writePath(path: string, data: Json, value: Json): Json {
  const names = namesOf(path);
  const [first, ...others] = names;
  if (first === undefined) return value;
  const into = isObject(data) ? data : {};
  if (others.length === 0) return { ...into, [first]: value };
  return { ...into, [first]: writePath(`$.${others.join(".")}`, into[first] ?? {}, value) };
}

const known = new Map<string, readonly string[]>();
function namesOf(path: string): readonly string[] {
  let names = known.get(path);
  if (!names) {
    names = path.split(".").slice(1);
    known.set(path, names);
  }
  return names;
}

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
