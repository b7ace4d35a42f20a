import { describe, expect, it } from "vitest";
import {
  type ByteChunk,
  ChunkCutter,
  type CutEvent,
  type CutInput,
  cutAt,
  DEFAULT_MAX_CHUNK_SIZE,
  ExactChunker,
  nominalChunks,
  planCuts,
} from "../../core/chunks/index.ts";

const MiB = 1024 * 1024;
const TB = 1e12;
const code = (name: string, details: object = {}) =>
  expect.objectContaining({ code: name, details: expect.objectContaining(details) });
const virtual = (from: number, to: number): ByteChunk => ({ from, to, exact: false });
const exact = (from: number, to: number): ByteChunk => ({ from, to, exact: true });

describe("planCuts", () => {
  it.each([
    [{ maxChunkSize: 4 }, [0, 4, 8, 10]],
    [{ chunks: 3 }, [0, 4, 8, 10]],
    [{ maxChunkSize: 10 }, [0, 10]],
    [{ chunks: 9 }, [0, 2, 4, 6, 8, 10]],
  ])("fixed pieces of 10 bytes with %j: all of one length but the last", (config, cuts) => {
    const plan = planCuts({ size: 10, config, fixed: true });

    expect(Array.from({ length: plan.count + 1 }, (_, k) => cutAt(plan, k))).toEqual(cuts);
  });

  it.each<[string, CutInput, number]>([
    ["nothing set, small file: one chunk", { size: 3 * MiB }, 1],
    ["nothing set, 64 MiB: chunks of 4 MiB", { size: 64 * MiB }, 16],
    ["nothing set, 1 GiB", { size: 1024 * MiB }, 32],
    ["nothing set, 16 GiB: chunks of 64 MiB", { size: 16_384 * MiB }, 256],
    ["a maximum", { size: 1_001, config: { maxChunkSize: 100 } }, 11],
    ["a minimum over the default maximum", { size: 1_024 * MiB, config: { minChunkSize: 256 * MiB } }, 4],
    ["a number", { size: 1_000, config: { chunks: 8 } }, 8],
    ["a number, of less bytes than that", { size: 5, config: { chunks: 8 } }, 5],
    ["a number, held down by the minimum", { size: 1_000, config: { chunks: 8, minChunkSize: 300 } }, 3],
    ["a number, pushed up by the maximum", { size: 1_000, config: { chunks: 2, maxChunkSize: 100 } }, 10],
    ["limits that nothing fits: the maximum wins", { size: 100, config: { minChunkSize: 60, maxChunkSize: 70 } }, 2],
    ["a header before", { size: 1_000, start: 400, config: { maxChunkSize: 100 } }, 6],
    ["nothing but a header", { size: 400, start: 400 }, 0],
    ["an empty file", { size: 0, config: { chunks: 4 } }, 0],
  ])("%s", (_, input, count) => {
    const plan = planCuts(input);

    const chunks = [...nominalChunks(plan)];

    expect(plan.count).toBe(count);
    expect(chunks).toHaveLength(count);
    expect(chunks.every(({ from, to }) => to > from && to - from <= DEFAULT_MAX_CHUNK_SIZE * 4)).toBe(true);
    const edges = chunks.flatMap(({ from, to }) => [from, to]);
    expect(edges.slice(1, -1).every((edge, i) => edge === edges.slice(1, -1)[i ^ 1])).toBe(true);
    if (count > 0) expect([edges[0], edges.at(-1)]).toEqual([input.start ?? 0, input.size]);
  });

  it("cuts a terabyte evenly, lazily and without rounding", () => {
    const plan = planCuts({ size: TB, config: { chunks: 9_999_991 } });
    const [last] = nominalChunks(plan, { first: plan.count - 1, exact: true });

    expect(last).toEqual(exact(cutAt(plan, plan.count - 1), TB));
    expect([...Array(1_000).keys()].every((k) => cutAt(plan, k * 9_999 + 1) - cutAt(plan, k * 9_999) >= 100_000)).toBe(
      true,
    );
    expect(nominalChunks(plan).next().value).toEqual(virtual(0, 100_001));
  });

  it.each([
    [{ minChunkSize: -1 }, "params.x.minChunkSize"],
    [{ maxChunkSize: 1.5 }, "params.x.maxChunkSize"],
    [{ chunks: Number.NaN }, "params.x.chunks"],
    [{ minChunkSize: 2, maxChunkSize: 1 }, "params.x.minChunkSize"],
    [{ chunks: 10_000_001 }, "params.x.chunks"],
    [{ maxChunkSize: 1 }, "params.x.maxChunkSize"],
  ])("refuses %j, naming the field", (config, path) => {
    expect(() => planCuts({ size: TB, config, path: "params.x" })).toThrow(code("INVALID_PARAMS", { path }));
  });
});

/** What one worker sees of its run: [text, start, end] per chunk. */
function collect(events: readonly CutEvent[]): [string, number, number][] {
  let text = "";
  return events.flatMap((event): [string, number, number][] => {
    if (event.type === "piece") {
      text += event.bytes.toString();
      return [];
    }
    const whole = text;
    text = "";
    return [[whole, event.start, event.end]];
  });
}

describe("ChunkCutter", () => {
  const file = Buffer.from("aa\nbbbb\ncc\n\ndd");

  it("starts a byte early, so that an edge at the cut itself belongs to it", () => {
    const cutter = new ChunkCutter({ format: "lines", chunks: [virtual(3, 8), virtual(8, 9)], size: file.length });
    expect(cutter.readFrom).toBe(2);

    const events = cutter.push(file.subarray(2));

    expect(collect(events)).toEqual([
      ["bbbb\n", 3, 8],
      ["cc\n", 8, 11],
    ]);
    expect(cutter.done).toBe(true);
  });

  it("gives an empty chunk where no record begins, and one to many chunks in a huge record", () => {
    const chunks = [virtual(0, 4), virtual(4, 5), virtual(5, 7), virtual(7, 14)];
    const cutter = new ChunkCutter({ format: "csv", chunks, size: file.length });

    const events = [...file].flatMap((byte) => cutter.push(Buffer.from([byte])));

    expect(collect(events)).toEqual([
      ["aa\nbbbb\n", 0, 8],
      ["", 8, 8],
      ["", 8, 8],
      ["cc\n\ndd", 8, 14],
    ]);
  });

  it("takes exact chunks and those of bytes as they are, reading nothing around them", () => {
    for (const format of ["csv", "bytes"] as const) {
      const chunks = [exact(1, 4), exact(6, 7)];
      const cutter = new ChunkCutter({ format, chunks, size: file.length });

      expect([cutter.readFrom, cutter.readTo]).toEqual([1, 7]);
      expect(collect(cutter.push(file.subarray(1, 7)))).toEqual([
        ["a\nb", 1, 4],
        ["b", 6, 7],
      ]);
    }
  });

  it("asks for more, in growing probes, until the last record's end, and ignores what is pushed behind it", () => {
    const long = Buffer.from(`${"x".repeat(5_000)}\n${"y".repeat(50_000)}\nz\n`);
    const cutter = new ChunkCutter({ format: "ndjson", chunks: [virtual(0, 5_100)], size: long.length });
    const asked = [cutter.readTo];

    let events = cutter.push(long.subarray(0, cutter.readTo));
    while (!cutter.done) {
      const from = cutter.position;
      asked.push(cutter.moreTo());
      const again = cutter.push(long.subarray(from, asked.at(-1)));
      events = [...events, ...again];
    }

    expect(collect(events).map(([text, start, end]) => [text.length, start, end])).toEqual([[55_002, 0, 55_002]]);
    expect(asked.length).toBeLessThan(12);
    expect(cutter.push(Buffer.from("more"))).toEqual([]);
    expect(cutter.end()).toEqual([]);
  });

  it("reads at most 1.02 × a file, each worker one chunk of 256 KiB", () => {
    const line = `${"v".repeat(199)}\n`;
    const big = Buffer.from(line.repeat(40_000));
    let read = 0;
    for (const chunk of nominalChunks(planCuts({ size: big.length, config: { maxChunkSize: 256 * 1024 } }))) {
      const cutter = new ChunkCutter({ format: "lines", chunks: [chunk], size: big.length });
      for (let to = cutter.readTo; !cutter.done; to = cutter.moreTo()) {
        read += to - cutter.position;
        cutter.push(big.subarray(cutter.position, to));
      }
    }

    expect(read).toBeGreaterThan(big.length);
    expect(read).toBeLessThanOrEqual(big.length * 1.02);
  });

  it("tells an edge inside quotes", () => {
    const csv = Buffer.from('a,b\nc,"d\ne"\nf,g\n');
    const cutter = new ChunkCutter({ format: "csv", chunks: [virtual(0, 6), virtual(6, 16)], size: csv.length });

    const ends = cutter.push(csv).filter((event) => event.type === "end");

    expect(ends[0]).toMatchObject({
      chunk: 0,
      start: 0,
      end: 9,
      error: { code: "CSV_MISALIGNED", details: { offset: 9 } },
    });
  });

  it("refuses a stream that ends early, retryably, and runs that overlap or leave the file", () => {
    const cutter = new ChunkCutter({ format: "lines", chunks: [virtual(0, 14)], size: file.length });
    cutter.push(file.subarray(0, 13));

    expect(() => cutter.end()).toThrow(expect.objectContaining({ code: "INPUT_TRUNCATED", retryable: true }));
    for (const chunks of [[exact(0, 5), exact(4, 6)], [exact(5, 4)], [exact(0, 15)], [exact(0.5, 2)]]) {
      expect(() => new ChunkCutter({ format: "bytes", chunks, size: 14 })).toThrow(code("INVALID_PARAMS"));
    }
  });

  it("ends chunks of an empty source", () => {
    const cutter = new ChunkCutter({ format: "csv", chunks: [virtual(0, 0)], size: 0 });
    expect(collect(cutter.end())).toEqual([["", 0, 0]]);
    expect(new ChunkCutter({ format: "csv", chunks: [], size: 0 }).done).toBe(true);
  });
});

describe("ExactChunker", () => {
  const csv = Buffer.from('h1,h2\na,"1\n2\n3"\nb,2\nc,"x""\n"\nd,4');
  const plan = { start: 6, size: csv.length, count: 4 };

  it("ends each chunk at the first record's end at or behind its cut", () => {
    const chunker = new ExactChunker({ plan });

    const chunks = [...chunker.push(csv.subarray(6)), ...chunker.end()];

    expect(chunks).toEqual([exact(6, 16), exact(16, 20), exact(20, 29), exact(29, 32)]);
    expect(chunker.done).toBe(true);
  });

  it("stops behind the first chunk when asked", () => {
    const chunker = new ExactChunker({ plan, firstOnly: true });

    expect(chunker.push(csv.subarray(6))).toEqual([exact(6, 16)]);
    expect([chunker.done, chunker.position]).toEqual([true, 16]);
    expect([...chunker.push(csv.subarray(16)), ...chunker.end()]).toEqual([]);
    expect(ExactChunker.resume(chunker.state(), { plan }).done).toBe(true);
  });

  it("makes no chunk of nothing", () => {
    const chunker = new ExactChunker({ plan: planCuts({ size: 6, start: 6 }) });
    expect([chunker.done, chunker.end()]).toEqual([true, []]);
  });

  it("names where the record with the open quote starts, however far the scan has come since", () => {
    const lines = `${"plain,row\n".repeat(500)}`;
    for (const block of [1, 13, 1_000_000]) {
      const bad = Buffer.from(`${lines}long ${"field".repeat(90)},"open\n${lines}`);
      const chunker = new ExactChunker({ plan: { start: 0, size: bad.length, count: 1 } });
      for (let at = 0; at < bad.length; at += block) chunker.push(bad.subarray(at, at + block));

      expect(() => chunker.end()).toThrow(code("CSV_UNTERMINATED_QUOTE", { offset: lines.length }));
    }
  });

  it("gives up on a quoted record over the limit, and on a scan that ends early", () => {
    const chunker = new ExactChunker({ plan: { start: 0, size: 200, count: 1 }, maxRecordBytes: 50 });
    chunker.push(Buffer.from("a,b\n"));

    expect(() => chunker.push(Buffer.from(`x,"${"\n".repeat(60)}`))).toThrow(code("RECORD_TOO_LARGE", { offset: 4 }));
    expect(() => new ExactChunker({ plan }).end()).toThrow(code("INPUT_TRUNCATED", { offset: 6 }));
  });

  it("finds the first field's quote behind a byte order mark and refuses UTF-16", () => {
    const marked = Buffer.from('\uFEFF"a\nb"\nc\n');
    const chunker = new ExactChunker({ plan: { start: 0, size: marked.length, count: 20 } });

    expect([...marked].flatMap((byte) => chunker.push(Buffer.from([byte])))).toEqual([exact(0, 9), exact(9, 11)]);
    const utf16 = new ExactChunker({ plan: { start: 0, size: 8, count: 1 } });
    expect(() => utf16.push(Buffer.from([0xff]))).toThrow(code("UNSUPPORTED_ENCODING"));
  });

  it("keeps its state small", () => {
    const chunker = new ExactChunker({ plan: { start: 0, size: TB, count: 15_000 } });
    for (let i = 0; i < 50; i++) chunker.push(Buffer.from('aaa,"b\nb",c\n'.repeat(100)));
    expect(JSON.stringify(chunker.state()).length).toBeLessThan(160);
  });
});
