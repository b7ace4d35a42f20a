/** How records become the bytes of a result file, in each of the formats that a merge knows. */
import { JobJobError } from "../../core/errors.ts";
import { formatCsvRecord } from "../../core/records/index.ts";
import { PermanentError, RawJson, type ReduceTable } from "./contract.ts";
import { cellText, jsonMembers } from "./json-members.ts";

/**
 * csv: lines with "\n", no header · ndjson: one value a line · json: each value behind ",\n" ·
 * csv-file: csv with its header line in front, a complete file.
 */
export type RecordEncoding = "csv" | "ndjson" | "json" | "csv-file";

/** Anything as a cell: strings as they are, null and undefined empty, the rest as JSON. */
export function toCell(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (value instanceof RawJson) return cellText(value.text);
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value) ?? "";
}

/** The cells of a row. Rows of a CSV file are text already. */
function texts(cells: readonly unknown[]): readonly string[] {
  return areTexts(cells) ? cells : cells.map(toCell);
}

function areTexts(cells: readonly unknown[]): cells is readonly string[] {
  for (const cell of cells) if (typeof cell !== "string") return false;
  return true;
}

/** A value as JSON text on one line. */
export function toJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (typeof value === "bigint") return value.toString();
  const text = JSON.stringify(value);
  if (text === undefined) {
    throw new PermanentError(
      `A record is ${typeof value}, which has no JSON form; return an object, text, a number or null.`,
    );
  }
  return text;
}

/** Encodes one stream of records; csv takes its columns from the declaration or from the first record. */
export class RecordEncoder {
  readonly #encoding: RecordEncoding;
  readonly #delimiter: string;
  #columns: readonly string[] | null;
  #names: readonly string[] = [];
  #started = false;

  constructor(
    encoding: RecordEncoding,
    options: { columns?: readonly string[] | null; delimiter?: string | undefined } = {},
  ) {
    this.#encoding = encoding;
    this.#delimiter = options.delimiter ?? ",";
    this.#columns = options.columns ?? null;
    if (!this.#isCsv) this.#names = (this.#columns ?? []).map((name) => JSON.stringify(name));
  }

  /** The header line with "\n", for csv as soon as the columns are known. */
  get header(): string | null {
    return this.#isCsv && this.#columns ? `${formatCsvRecord(this.#columns, this.#delimiter)}\n` : null;
  }

  get #isCsv(): boolean {
    return this.#encoding === "csv" || this.#encoding === "csv-file";
  }

  /** A row in the order of the declared columns. */
  row(cells: readonly unknown[]): string {
    if (this.#isCsv) return `${this.#opening()}${formatCsvRecord(texts(cells), this.#delimiter)}\n`;
    let text = "{";
    for (let i = 0; i < this.#names.length; i++) {
      const cell = cells[i];
      if (cell === undefined) continue;
      text += `${text === "{" ? "" : ","}${this.#names[i] ?? ""}:${toJson(cell)}`;
    }
    return this.#framed(`${text}}`);
  }

  /** A record: an object, for csv with the columns as its names; for JSON any value. */
  record(value: unknown): string {
    if (!this.#isCsv) return this.#framed(toJson(value));
    const members = membersOf(value);
    this.#columns ??= [...members.keys()];
    const cells = this.#columns.map((name) => members.get(name) ?? "");
    if (members.size > cells.length || [...members.keys()].some((name) => !this.#columns?.includes(name))) {
      const extra = [...members.keys()].find((name) => !this.#columns?.includes(name));
      throw new PermanentError(
        `A record has the field "${extra}", which the CSV header (${this.#columns.join(", ")}) has not; give every record the same fields, or name the columns.`,
        { code: "HEADER_DIFFERS" },
      );
    }
    return `${this.#opening()}${formatCsvRecord(cells, this.#delimiter)}\n`;
  }

  /** What a file without any record holds. */
  end(): string {
    return this.#opening();
  }

  #opening(): string {
    if (this.#started) return "";
    this.#started = true;
    return this.#encoding === "csv-file" ? (this.header ?? "") : "";
  }

  #framed(json: string): string {
    return this.#encoding === "json" ? `,\n${json}` : `${json}\n`;
  }
}

function membersOf(value: unknown): Map<string, string> {
  if (value instanceof RawJson) {
    const raw = jsonMembers(value.text);
    if (raw) return new Map([...raw].map(([name, text]) => [name, cellText(text)]));
  } else if (value instanceof Map) {
    return new Map([...value].map(([name, cell]) => [String(name), toCell(cell)]));
  } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value).map(([name, cell]) => [name, toCell(cell)]));
  }
  throw new PermanentError(
    "CSV needs records that are objects of fields; return objects, or choose the assembler ndjson.",
  );
}

const PIECE = 64 * 1024;

/** A finished reduction as text in pieces of about 64 KiB, header or brackets included. */
export function* tableText(table: ReduceTable, format: "csv" | "ndjson" | "json"): Generator<string> {
  if (table.columns.length !== table.types.length) {
    throw new JobJobError({ code: "REDUCER_INVALID", message: "finish() must give a type for each column." });
  }
  const encoder = new RecordEncoder(format === "csv" ? "csv-file" : format, { columns: table.columns });
  let text = format === "json" ? "[" : "";
  let first = true;
  for (const row of table.rows) {
    const line = encoder.row(format === "csv" ? row : row.map((cell, i) => jsonCell(cell, table.types[i] ?? "text")));
    // The very first separator of JSON is a newline alone.
    text += format === "json" && first ? line.slice(1) : line;
    first = false;
    if (text.length >= PIECE) {
      yield text;
      text = "";
    }
  }
  text += format === "csv" ? encoder.end() : format === "json" ? (first ? "]\n" : "\n]\n") : "";
  if (text !== "") yield text;
}

function jsonCell(cell: string, type: "text" | "number"): unknown {
  if (type === "text") return cell;
  return cell === "" ? null : new RawJson(cell);
}
