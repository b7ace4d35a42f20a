import type { Chunk } from "../../../runtime/node/contract.ts";
import { jsonMembers } from "../../../runtime/node/json-members.ts";
import { mapRecords } from "../../../runtime/node/records.ts";

/** One JSON object. */
export class JsonRecord {
  readonly text: string;
  #members: ReadonlyMap<string, string> | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Raw JSON text by name: numbers keep every digit. Looked for when first asked for. */
  get members(): ReadonlyMap<string, string> {
    this.#members ??= jsonMembers(this.text) ?? new Map();
    return this.#members;
  }
}

/** The objects of an NDJSON chunk; what is no JSON object is rejected, blank lines are none. */
export function jsonRecords(
  chunk: Chunk,
  reject: (item: unknown, reason: string) => void,
): AsyncIterableIterator<JsonRecord> {
  return mapRecords(chunk.lines(), (line) => {
    const text = line.trim();
    if (text === "") return undefined;
    try {
      JSON.parse(text);
    } catch (error) {
      reject(text, `is not one JSON value (${error instanceof Error ? error.message : String(error)})`);
      return undefined;
    }
    if (text.startsWith("{")) return new JsonRecord(text);
    reject(text, "is not a JSON object");
    return undefined;
  });
}
