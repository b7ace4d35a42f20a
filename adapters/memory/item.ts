import type { Changes, Item, Key, Path } from "../../core/ports/index.ts";
import { checkIndexKeys, MAX_ITEM_BYTES, tableRequestInvalid } from "../shared/table-rules.ts";
import { isMap, storable } from "../shared/table-values.ts";
import { valueAt } from "./condition.ts";

/**
 * The item after the changes. Right-hand sides see the item as it was; a missing item is made.
 * @throws JobJobError TABLE_REQUEST_INVALID where DynamoDB refuses: no parent map, adding to what is no number.
 */
export function changed(before: Item | undefined, key: Key, changes: Changes): Item {
  // The item before stays as it is; what isn't touched is shared with it.
  const after: Record<string, unknown> = before ? { ...before } : { ...key };
  for (const [path, value] of Object.entries(changes.set ?? {})) assign(after, path, storable(value));
  for (const [path, value] of Object.entries(changes.setIfMissing ?? {})) {
    if (valueAt(before, path) === undefined) assign(after, path, storable(value));
    else parentOf(after, path);
  }
  for (const [path, amount] of Object.entries(changes.add ?? {})) {
    const old = valueAt(before, path) ?? 0;
    if (typeof old !== "number") throw tableRequestInvalid(`"${path}" is no number, nothing can be added to it.`);
    assign(after, path, storable(old + amount));
  }
  for (const path of changes.remove ?? []) delete parentOf(after, path)[lastName(path)];
  return after as Item;
}

function assign(item: Record<string, unknown>, path: Path, value: unknown): void {
  if (value === undefined) throw tableRequestInvalid(`"${path}" is set to undefined; remove it instead.`);
  parentOf(item, path)[lastName(path)] = value;
}

const lastName = (path: Path): string => path.slice(path.lastIndexOf(".") + 1);

function parentOf(item: Record<string, unknown>, path: Path): Record<string, unknown> {
  const dot = path.lastIndexOf(".");
  if (dot < 0) return item;
  const name = path.slice(0, dot);
  const parent = valueAt(item, name);
  if (!isMap(parent)) throw tableRequestInvalid(`the map that "${path}" steps into doesn't exist.`);
  const own = { ...parent };
  parentOf(item, name)[lastName(name)] = own;
  return own;
}

/** @throws JobJobError TABLE_REQUEST_INVALID over 400 KB or with an index key that is no text. */
export function checkItem(item: Item): void {
  checkIndexKeys(item);
  const size = itemBytes(item);
  if (size > MAX_ITEM_BYTES)
    throw tableRequestInvalid(`an item has at most ${MAX_ITEM_BYTES} bytes, this one ${size}.`);
}

/** Bytes as DynamoDB counts them. Source: "DynamoDB item sizes and formats". */
export function itemBytes(item: Readonly<Record<string, unknown>>): number {
  let bytes = sizes.get(item);
  if (bytes === undefined) {
    bytes = 0;
    for (const name of Object.keys(item)) bytes += textBytes(name) + valueBytes(item[name]);
    sizes.set(item, bytes);
  }
  return bytes;
}

/** A stored item never changes: its size is counted once. */
const sizes = new WeakMap<object, number>();

/** As Buffer.byteLength, without a call out of JavaScript for the many short texts. */
function textBytes(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

function valueBytes(value: unknown): number {
  if (typeof value === "string") return textBytes(value);
  // A number: one byte per two significant digits, and one more; a sign takes another.
  if (typeof value === "number") return Math.ceil(significantDigits(value) / 2) + 1 + (value < 0 ? 1 : 0);
  if (Array.isArray(value)) return 3 + value.reduce<number>((sum, entry) => sum + 1 + valueBytes(entry), 0);
  if (isMap(value)) return 3 + Object.keys(value).length + itemBytes(value);
  return 1;
}

function significantDigits(value: number): number {
  let rest = Math.abs(value);
  if (!Number.isSafeInteger(rest)) {
    return String(rest)
      .replace(/e.*$|\./g, "")
      .replace(/^0+|0+$/g, "").length;
  }
  if (rest === 0) return 0;
  while (rest % 10 === 0) rest /= 10;
  let digits = 0;
  for (; rest >= 1; rest = Math.floor(rest / 10)) digits++;
  return digits;
}
