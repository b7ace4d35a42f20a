import type { Chunk } from "../../../runtime/node/contract.ts";
import { jsonMembers } from "../../../runtime/node/json-members.ts";

export interface JsonRecord {
  readonly text: string;
  /** Raw JSON text by name: numbers keep every digit. */
  readonly members: ReadonlyMap<string, string>;
}

/** The objects of an NDJSON chunk; what is no JSON object is rejected, blank lines are none. */
export async function* jsonRecords(
  chunk: Chunk,
  reject: (item: unknown, reason: string) => void,
): AsyncGenerator<JsonRecord> {
  for await (const line of chunk.lines()) {
    const text = line.trim();
    if (text === "") continue;
    try {
      JSON.parse(text);
    } catch (error) {
      reject(text, `is not one JSON value (${error instanceof Error ? error.message : String(error)})`);
      continue;
    }
    const members = jsonMembers(text);
    if (members) yield { text, members };
    else reject(text, "is not a JSON object");
  }
}
