import { describe, expect, it } from "vitest";
import {
  checkDelimiter,
  csvReader,
  decodeUtf8,
  firstInvalidUtf8,
  formatCsvRecord,
  lineReader,
  ndjsonReader,
  type RecordReader,
  RecordSplitter,
  readCsvHeader,
  recordFields,
  recordJson,
  rowFactory,
  rowProblem,
  textStart,
} from "../../core/records/index.ts";

const bytes = (text: string) => Buffer.from(text);
const code = (name: string, details: object = {}) =>
  expect.objectContaining({ code: name, details: expect.objectContaining(details) });

function values<T>(reader: RecordReader<T>, ...blocks: (string | Buffer)[]): T[] {
  const found = blocks.flatMap((block) => reader.push(Buffer.from(block)));
  return [...found, ...reader.end()].map((record) => record.value);
}

describe("RecordSplitter", () => {
  it("gives records without terminators, their offsets and the offsets behind their terminators", () => {
    const splitter = new RecordSplitter({ format: "csv", offset: 100 });

    const records = [
      ...splitter.push(bytes('a,b\r\n\n"x\n')),
      ...splitter.push(bytes('y",2\nlast')),
      ...splitter.end(),
    ];

    expect(records.map(({ bytes, offset, end }) => [bytes.toString(), offset, end])).toEqual([
      ["a,b", 100, 105],
      ['"x\ny",2', 106, 114],
      ["last", 114, 118],
    ]);
    expect(splitter.position).toBe(118);
  });

  it("takes empty lines for records in lines, but neither in ndjson nor in csv", () => {
    const text = "\n{}\n \t\r\n\r\n1";

    expect(values(lineReader(), text)).toEqual(["", "{}", " \t", "", "1"]);
    expect(values(ndjsonReader(), text)).toEqual([{}, 1]);
    expect(values(csvReader(), text)).toEqual([["{}"], [" \t"], ["1"]]);
  });

  it("strips a byte order mark at offset 0 only, however the blocks fall", () => {
    const text = '\uFEFF"a\n",b\n';

    expect(values(csvReader(), text)).toEqual([["a\n", "b"]]);
    expect(values(csvReader(), ...[...bytes(text)].map((byte) => Buffer.from([byte])))).toEqual([["a\n", "b"]]);
    expect(values(lineReader({ offset: 7 }), "\uFEFFa")).toEqual(["\uFEFFa"]);
    expect(values(lineReader(), "\uFEFF")).toEqual([]);
  });

  it("refuses the marks of UTF-16 and UTF-32", () => {
    for (const mark of [
      [0xff, 0xfe],
      [0xfe, 0xff],
      [0xff, 0xfe, 0, 0],
      [0, 0, 0xfe, 0xff],
    ]) {
      expect(() => values(lineReader(), Buffer.from(mark))).toThrow(code("UNSUPPORTED_ENCODING"));
    }
  });

  it("takes a record of exactly the limit and refuses one byte more, naming where it starts", () => {
    const read = (text: string, size: number) => {
      const blocks = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      return values(lineReader({ maxRecordBytes: 8 }), ...blocks);
    };

    for (const size of [1, 3, 100]) {
      expect(read("a\n12345678\r\n12345678\n12345678", size)).toHaveLength(4);
      expect(() => read("a\n123456789\nb\n", size)).toThrow(code("RECORD_TOO_LARGE", { offset: 2 }));
      expect(() => read("a\n123456789", size)).toThrow(code("RECORD_TOO_LARGE", { offset: 2 }));
    }
  });

  it("names where the record with an unterminated quote starts", () => {
    expect(() => values(csvReader({ offset: 10 }), 'a,b\nc,"d\n', "e,f\n")).toThrow(
      code("CSV_UNTERMINATED_QUOTE", { offset: 14 }),
    );
  });

  it("holds a record over many blocks", () => {
    const long = "é".repeat(200_000);

    expect(values(csvReader(), `"${long}`, `${long}\n`, `${long}"`, ",x\n")).toEqual([
      [`${long}${long}\n${long}`, "x"],
    ]);
  });
});

describe("CSV fields", () => {
  it.each([
    ['a"b,"c"', ['a"b', "c"]],
    ['"a"b"c",d', ['ab"c"', "d"]],
    ['"a""b",""', ['a"b', ""]],
    [',"",', ["", "", ""]],
    [' "a",b ', [' "a"', "b "]],
    ['"a,b";c', ["a,b;c"]],
    ["\ra", ["\ra"]],
  ])("%j", (text, fields) => {
    expect(values(csvReader(), text)).toEqual([fields]);
  });

  it("takes another delimiter", () => {
    expect(values(csvReader({ delimiter: "\t" }), 'a,"\t"b\t"\n1\t2\n')).toEqual([
      ['a,"', "b\t"],
      ["1", "2"],
    ]);
  });

  it("refuses delimiters that can't be told from text or quotes", () => {
    for (const bad of ["", "ab", '"', "\n", "\r", "é", "\0"]) {
      expect(() => checkDelimiter(bad, "params.partitioner.delimiter")).toThrow(
        code("INVALID_PARAMS", { path: "params.partitioner.delimiter" }),
      );
    }
    expect(checkDelimiter(undefined)).toBe(",");
  });

  it("writes an empty field alone, line breaks and a leading U+FEFF so that they come back", () => {
    expect(formatCsvRecord([""])).toBe('""');
    expect(formatCsvRecord(["", ""])).toBe(",");
    expect(formatCsvRecord(['a"b', "c,d", "e\rf", "g;h", " i"])).toBe('"a""b","c,d","e\rf",g;h, i');
    expect(formatCsvRecord(["\uFEFFa"])).toBe('"\uFEFFa"');
    expect(formatCsvRecord(["a;b", "c,d"], ";")).toBe('"a;b";c,d');
    expect(() => formatCsvRecord([])).toThrow(code("INVALID_RECORD"));
  });
});

describe("UTF-8", () => {
  it("names the first broken byte by its offset in the file", () => {
    const file = Buffer.concat([bytes("é\nab"), Buffer.from([0xc3, 0x28]), bytes("\n")]);

    expect(() => values(lineReader({ offset: 1_000 }), file)).toThrow(code("INVALID_UTF8", { offset: 1_005 }));
    expect(() => decodeUtf8(Buffer.from([0x61, 0xff]), 5)).toThrow(code("INVALID_UTF8", { offset: 6 }));
  });

  it("leaves a replacement character that stands in the file alone", () => {
    expect(values(lineReader(), "a\uFFFDb\n")).toEqual(["a\uFFFDb"]);
  });

  it.each([
    [[0x61, 0xe6, 0xbc, 0xa2, 0xf0, 0x9f, 0x98, 0x80], -1],
    [[0xc0, 0x80], 0],
    [[0x61, 0xe0, 0x80, 0x80], 1],
    [[0xed, 0xa0, 0x80], 0],
    [[0xf0, 0x8f, 0x80, 0x80], 0],
    [[0xf4, 0x90, 0x80, 0x80], 0],
    [[0xf5, 0x80, 0x80, 0x80], 0],
    [[0x61, 0x80], 1],
    [[0x61, 0xe6, 0xbc], 1],
  ])("%j", (input, expected) => {
    expect(firstInvalidUtf8(Buffer.from(input))).toBe(expected);
  });

  it("tells where text begins", () => {
    expect([textStart(bytes("\uFEFFa")), textStart(bytes("abcd")), textStart(bytes(""))]).toEqual([3, 0, 0]);
  });
});

describe("NDJSON", () => {
  it("names the line that is no JSON by its offset", () => {
    expect(() => values(ndjsonReader({ offset: 7 }), '{"a":1}\n{"a":}\n')).toThrow(
      code("INVALID_JSON", { offset: 15 }),
    );
  });

  it("hands bad lines to `reject` and goes on", () => {
    const rejected: [string, unknown][] = [];
    const reader = ndjsonReader({ reject: (error, text) => rejected.push([text, error.details?.offset]) });

    expect(values(reader, '1\n{"a":}\nnull\n[2]')).toEqual([1, null, [2]]);
    expect(rejected).toEqual([['{"a":}', 2]]);
  });
});

describe("readCsvHeader", () => {
  it("finds names and edges behind a mark, empty lines and quoted newlines", () => {
    const file = bytes('\uFEFF\r\n"a\nb",é,\r\n1,2,3\n');

    expect(readCsvHeader(file, { atEnd: true })).toEqual({ names: ["a\nb", "é", "column_3"], start: 5, end: 16 });
  });

  it("asks for more until the header's newline, and takes the end of the file for one", () => {
    const file = bytes('a,"b\n');
    expect(readCsvHeader(file, { atEnd: false })).toBe("more");
    expect(readCsvHeader(bytes("a,b"), { atEnd: false })).toBe("more");
    expect(readCsvHeader(bytes("a"), { atEnd: false })).toBe("more");
    expect(readCsvHeader(bytes("a,b"), { atEnd: true })).toEqual({ names: ["a", "b"], start: 0, end: 3 });
    expect(() => readCsvHeader(file, { atEnd: true })).toThrow(code("CSV_UNTERMINATED_QUOTE", { offset: 0 }));
  });

  it("finds no header in a file without records", () => {
    for (const text of ["", "\n\r\n", "\uFEFF", "\uFEFF\n"])
      expect(readCsvHeader(bytes(text), { atEnd: true })).toBeNull();
  });

  it("refuses a column that comes twice, by name", () => {
    expect(() => readCsvHeader(bytes("a,b,a\n"), { atEnd: true })).toThrow(
      code("CSV_HEADER", { column: "a", columns: [1, 3] }),
    );
    expect(() => readCsvHeader(bytes("column_2,\n"), { atEnd: true })).toThrow(
      code("CSV_HEADER", { column: "column_2" }),
    );
  });

  it("gives up on a header over the limit", () => {
    expect(() => readCsvHeader(Buffer.alloc(40_000, "a"), { atEnd: false, maxRecordBytes: 10_000 })).toThrow(
      code("RECORD_TOO_LARGE", { offset: 0 }),
    );
  });

  it("decodes strictly", () => {
    expect(() => readCsvHeader(Buffer.from([0x61, 0x2c, 0xe9, 0x0a]), { atEnd: true })).toThrow(
      code("INVALID_UTF8", { offset: 2 }),
    );
  });
});

describe("rows", () => {
  it("tells both counts of a record that doesn't fit its header", () => {
    expect(rowProblem(["a", "b"], ["1", "2"])).toBeNull();
    expect(rowProblem(["a", "b"], ["1"])).toBe("1 field where the header has 2");
    expect(rowProblem(["a", "b"], ["1", "2", "3"])).toBe("3 fields where the header has 2");
  });

  it("makes objects, also of a column called __proto__", () => {
    expect(rowFactory(["a", "b"])(["1", ""])).toEqual({ a: "1", b: "" });

    const row = rowFactory(["__proto__", "b"])(["x", "y"]);
    expect(Object.entries(row)).toEqual([
      ["__proto__", "x"],
      ["b", "y"],
    ]);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
  });

  it("reads a single record's fields and value", () => {
    const [csv] = new RecordSplitter({ format: "csv", delimiter: ";" }).push(bytes('a;"b;c"\n'));
    const [json] = new RecordSplitter({ format: "ndjson" }).push(bytes('{"a":[1]}\n'));

    expect(csv && recordFields(csv, ";")).toEqual(["a", "b;c"]);
    expect(json && recordJson(json)).toEqual({ a: [1] });
  });
});
