import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { mark, nastyText, terminator } from "./chunking-support.ts";

/** How a generated field is written. */
interface WrittenField {
  readonly value: string;
  readonly quoted: boolean;
}

function write({ value, quoted }: WrittenField, mayBeEmptyLine: boolean): string {
  const must = /[",\n\r]/.test(value) && !isLoneQuoteText(value);
  return quoted || must || (mayBeEmptyLine && value === "") ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Text with quotes that is legal unquoted: they don't stand at the field's start. */
function isLoneQuoteText(value: string): boolean {
  return !/[,\n\r]/.test(value) && !value.startsWith('"');
}

const field = (newlines: boolean) =>
  fc.record({
    value: fc.oneof(
      { weight: 6, arbitrary: nastyText(6) },
      ...(newlines
        ? [
            {
              weight: 2,
              arbitrary: fc
                .array(fc.constantFrom("\n", "\r\n", '"', ",", "q", "é"), { maxLength: 8 })
                .map((p) => p.join("")),
            },
          ]
        : []),
      { weight: 1, arbitrary: fc.integer({ min: 500, max: 4_000 }).map((n) => `h"${"uge,".repeat(n / 4)}`) },
    ),
    quoted: fc.boolean(),
  });

/** A well-formed CSV file, its header included if it has one. */
export const csvFile = (options: { newlines: boolean }) =>
  fc
    .record({
      mark,
      rows: fc.array(
        fc.record({
          fields: fc.array(field(options.newlines), { minLength: 1, maxLength: 4 }),
          end: terminator,
          blank: fc.constantFrom("", "", "", "\n", "\r\n\n"),
        }),
        { maxLength: 14 },
      ),
      closed: fc.boolean(),
    })
    .map(({ mark, rows, closed }) => {
      let text = mark;
      for (const [index, row] of rows.entries()) {
        text += row.fields.map((f) => write(f, row.fields.length === 1)).join(",");
        text += index === rows.length - 1 && !closed ? "" : row.end + row.blank;
      }
      return Buffer.from(text);
    });

/** Anything over the characters that matter, well-formed or not; multi-byte text included. */
export const anyCsv = fc
  .array(fc.constantFrom("a", "é", ",", ",", '"', '"', "\n", "\n", "\r\n", "\r", "bc"), { maxLength: 120 })
  .map((parts) => Buffer.from(parts.join("")));

/** The oracle for well-formed files. */
export function csvParse(file: Buffer): string[][] {
  return parse(file, {
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    record_delimiter: ["\n", "\r\n"],
  });
}

/** The oracle for all files: the rules of the product, one character at a time, nothing clever. null: an open quote. */
export function naiveCsv(text: string): string[][] | null {
  const rows: string[][] = [];
  let fields: string[] = [];
  let raw = "";
  let value = "";
  let mode: "start" | "plain" | "quoted" | "closing" = "start";
  const endField = () => {
    fields.push(value);
    value = "";
    mode = "start";
  };
  const endRecord = () => {
    endField();
    if (raw !== "") rows.push(fields);
    fields = [];
    raw = "";
  };
  const plain = (c: string, next: string | undefined) => {
    if (c === "\r" && next === "\n") return;
    if (c === "\n") return endRecord();
    raw += c;
    if (c === ",") return endField();
    value += c;
    mode = "plain";
  };
  const characters = [...text.replace(/^\uFEFF/, "")];
  for (const [i, c] of characters.entries()) {
    const next = characters[i + 1];
    if (mode === "quoted") {
      raw += c;
      if (c === '"') mode = "closing";
      else value += c;
    } else if (mode === "closing" && c === '"') {
      raw += c;
      value += c;
      mode = "quoted";
    } else if (mode === "start" && c === '"') {
      raw += c;
      mode = "quoted";
    } else {
      if (mode === "closing") mode = "plain";
      plain(c, next);
    }
  }
  if (mode === "quoted") return null;
  if (raw !== "") endRecord();
  return rows;
}
