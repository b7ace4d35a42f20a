import { JobJobError } from "../../core/errors.ts";
import type { Changes, Condition, IndexName, Key, Path, QueryInput, Write } from "../../core/ports/index.ts";
import { INDEXES } from "../../core/ports/index.ts";
import { compareBytes } from "./byte-order.ts";
import { invalidCursor, readCursor, writeCursor } from "./cursor.ts";

/** DynamoDB's limits on one transaction, one key and one item. Source: "Quotas in Amazon DynamoDB". */
export const MAX_TRANSACTION_WRITES = 100;
export const MAX_TOKEN_LENGTH = 36;
export const MAX_PK_BYTES = 2_048;
export const MAX_SK_BYTES = 1_024;
export const MAX_ITEM_BYTES = 400 * 1_024;

/** A request that can never succeed: a defect of the caller, the same on every twin. */
export function tableRequestInvalid(problem: string, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "TABLE_REQUEST_INVALID",
    message: `The table can't take this request: ${problem}`,
    cause,
  });
}

export function keyOf(write: Write): Key {
  if ("put" in write) return { pk: write.put.pk, sk: write.put.sk };
  if ("update" in write) return write.update;
  if ("delete" in write) return write.delete;
  return write.check;
}

/** A map's key for one item; the length keeps two pairs of texts from running into the same. */
export const keyText = ({ pk, sk }: Key): string => `${pk.length}:${pk}${sk}`;

export function checkKey(key: Key): void {
  for (const [name, value, limit] of [
    ["pk", key.pk, MAX_PK_BYTES],
    ["sk", key.sk, MAX_SK_BYTES],
  ] as const) {
    // A UTF-16 unit makes three bytes at most: short keys need no counting.
    if (typeof value === "string" && value.length > 0 && value.length * 3 <= limit) continue;
    const bytes = typeof value === "string" ? Buffer.byteLength(value) : 0;
    if (bytes === 0 || bytes > limit) {
      throw tableRequestInvalid(`${name} must be a text of 1 to ${limit} bytes and has ${bytes}.`);
    }
  }
}

/** @throws JobJobError TABLE_REQUEST_INVALID: keys, empty conditions or changes, overlapping paths, changed keys. */
export function checkWrite(write: Write): void {
  checkKey(keyOf(write));
  if ("put" in write) checkIndexKeys(write.put);
  if ("update" in write) checkChanges(write.changes);
  if (write.if) checkCondition(write.if);
}

export function checkTransaction(writes: readonly Write[], token: string | undefined): void {
  if (writes.length === 0 || writes.length > MAX_TRANSACTION_WRITES) {
    throw tableRequestInvalid(`a transaction has 1 to ${MAX_TRANSACTION_WRITES} writes, this one ${writes.length}.`);
  }
  if (token !== undefined && (token.length === 0 || token.length > MAX_TOKEN_LENGTH)) {
    throw tableRequestInvalid(
      `a transaction's token has 1 to ${MAX_TOKEN_LENGTH} characters, this one ${token.length}.`,
    );
  }
  for (const write of writes) checkWrite(write);
  if (new Set(writes.map((write) => keyText(keyOf(write)))).size < writes.length) {
    throw tableRequestInvalid("a transaction can't name the same item twice.");
  }
}

const INDEX_NAMES = Object.values(INDEXES).flatMap((index) => [index.pk, index.sk]);

/** An index's key attribute, where present, is a text that isn't empty. */
export function checkIndexKeys(item: Readonly<Record<string, unknown>>): void {
  for (const name of INDEX_NAMES) {
    const value = item[name];
    if (value !== undefined && (typeof value !== "string" || value === "")) {
      throw tableRequestInvalid(`${name} is a key of an index and must be a text that isn't empty.`);
    }
  }
}

function checkCondition(condition: Condition): void {
  if ("all" in condition || "any" in condition) {
    const parts = "all" in condition ? condition.all : condition.any;
    if (parts.length === 0) throw tableRequestInvalid("a condition's `all` or `any` has no parts.");
    parts.forEach(checkCondition);
  } else if ("not" in condition) checkCondition(condition.not);
  else if ("in" in condition && (condition.in[1].length === 0 || condition.in[1].length > 100)) {
    throw tableRequestInvalid(`a condition's \`in\` takes 1 to 100 values, this one has ${condition.in[1].length}.`);
  }
  for (const operator of ["lt", "le", "gt", "ge"] as const) {
    const operands = (condition as Partial<Record<typeof operator, readonly [Path, unknown]>>)[operator];
    if (operands && typeof operands[1] !== "number" && typeof operands[1] !== "string") {
      throw tableRequestInvalid(`\`${operator}\` compares numbers or texts, not ${String(operands[1])}.`);
    }
  }
}

/** Every path that the changes touch. */
export function changedPaths(changes: Changes): readonly Path[] {
  return [
    ...Object.keys(changes.set ?? {}),
    ...Object.keys(changes.add ?? {}),
    ...Object.keys(changes.setIfMissing ?? {}),
    ...(changes.remove ?? []),
  ];
}

function checkChanges(changes: Changes): void {
  const paths = [...changedPaths(changes)];
  if (paths.length === 0) throw tableRequestInvalid("an update changes nothing; use a check.");
  let isDeep = false;
  for (const path of paths) {
    if (path === "pk" || path === "sk") throw tableRequestInvalid("an update can't change pk or sk.");
    const isOneName = path !== "" && !path.includes(".");
    if (isOneName) continue;
    isDeep = true;
    if (path.split(".").some((name) => name === "")) throw tableRequestInvalid(`"${path}" is no path.`);
  }
  for (const part of [changes.setIfMissing, changes.add, changes.set]) if (part) checkIndexKeys(part);
  const seen = new Set(paths);
  if (seen.size === paths.length && !isDeep) return;
  paths.sort();
  const overlap = paths.find((path, i) => paths[i - 1] === path || parents(path).some((parent) => seen.has(parent)));
  if (overlap !== undefined) throw tableRequestInvalid(`two changes touch "${overlap}".`);
}

const parents = (path: Path): Path[] =>
  path
    .split(".")
    .slice(0, -1)
    .map((_, i, names) => names.slice(0, i + 1).join("."));

export function checkQuery(input: QueryInput): void {
  if (input.prefix !== undefined && input.between !== undefined) {
    throw tableRequestInvalid("a query takes `prefix` or `between`, not both.");
  }
  if (input.index !== undefined && input.consistent) {
    throw tableRequestInvalid("an index can't be read consistently.");
  }
  if (input.limit !== undefined && (!Number.isInteger(input.limit) || input.limit < 1)) {
    throw tableRequestInvalid(`a query's limit is a whole number from 1, not ${input.limit}.`);
  }
}

type Names = { readonly pk: string; readonly sk: string };
const TABLE_NAMES: Names = { pk: "pk", sk: "sk" };
/** The names of the key that a query walks along: the table's or the index's. */
export const queryNames = (index: IndexName | undefined): Names => (index === undefined ? TABLE_NAMES : INDEXES[index]);

/** A query's cursor: the keys of the last item, as DynamoDB's LastEvaluatedKey. */
export function writeQueryCursor(item: Readonly<Record<string, unknown>>, index: IndexName | undefined): string {
  const names = queryNames(index);
  const fields = index === undefined ? ["pk", "sk"] : ["pk", "sk", names.pk, names.sk];
  return writeCursor(Object.fromEntries(fields.map((field) => [field, String(item[field])])));
}

/**
 * @throws InvalidInputError CURSOR_INVALID also for one that was given out for another partition, or for a position that the
 * query never comes by: DynamoDB refuses such a start.
 */
export function readQueryCursor(input: QueryInput & { readonly cursor: string }): Record<string, string> {
  const names = queryNames(input.index);
  const position = readCursor(
    input.cursor,
    input.index === undefined ? ["pk", "sk"] : ["pk", "sk", names.pk, names.sk],
  );
  const { [names.pk]: partition, [names.sk]: at = "" } = position as Record<string, string>;
  if (partition !== input.pk || !isOnTheWay(at, input)) throw invalidCursor();
  return position;
}

function isOnTheWay(at: string, { prefix = "", between }: QueryInput): boolean {
  const length = Buffer.byteLength(at);
  if (length === 0 || length > MAX_SK_BYTES || !at.startsWith(prefix)) return false;
  return !between || (compareBytes(between[0], at) <= 0 && compareBytes(at, between[1]) <= 0);
}
