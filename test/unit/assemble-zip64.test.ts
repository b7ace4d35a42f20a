import { Readable } from "node:stream";
import { expect, test } from "vitest";
import yauzl from "yauzl";
import { archiveEnd, directoryEntry, localHeader, type ZipEntry } from "../../apps/assemblers/zip-format.ts";

const GIB = 1024 ** 3;

/** An archive too large to hold: only the bytes that are not data exist. */
class SparseReader extends yauzl.RandomAccessReader {
  readonly #pieces: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  constructor(pieces: readonly { readonly at: number; readonly bytes: Uint8Array }[]) {
    super();
    this.#pieces = pieces;
  }
  override _readStreamForRange(start: number, end: number): Readable {
    const block = Buffer.alloc(end - start);
    for (const { at, bytes } of this.#pieces) {
      const from = Math.max(start, at);
      const to = Math.min(end, at + bytes.length);
      if (from < to) block.set(bytes.subarray(from - at, to - at), from - start);
    }
    return Readable.from([block]);
  }
}

function archive(files: readonly Pick<ZipEntry, "name" | "crc" | "size">[]) {
  // Neighbours in one run: the reader looks through all runs at each read.
  const runs: { at: number; blocks: Uint8Array[] }[] = [];
  let at = 0;
  let end = -1;
  const put = (bytes: Uint8Array) => {
    if (at === end) runs.at(-1)?.blocks.push(bytes);
    else runs.push({ at, blocks: [bytes] });
    at += bytes.length;
    end = at;
  };
  const entries = files.map((file) => {
    const entry = { ...file, offset: at };
    put(localHeader(file));
    at += file.size;
    return entry;
  });
  const directory = at;
  for (const entry of entries) put(directoryEntry(entry));
  put(archiveEnd(entries.length, directory, at));
  const pieces = runs.map((run) => ({ at: run.at, bytes: Buffer.concat(run.blocks) }));
  return { reader: new SparseReader(pieces), size: at };
}

async function entriesOf(files: readonly Pick<ZipEntry, "name" | "crc" | "size">[]): Promise<yauzl.Entry[]> {
  const { reader, size } = archive(files);
  return new Promise((resolve, reject) => {
    yauzl.fromRandomAccessReader(reader, size, {}, (error, zip) => {
      if (!zip) return reject(error);
      const entries: yauzl.Entry[] = [];
      zip.on("entry", (entry: yauzl.Entry) => entries.push(entry));
      zip.on("end", () => resolve(entries));
      zip.on("error", reject);
    });
  });
}

test("entries and offsets over 4 GiB are told in zip64 records", async () => {
  const files = [
    { name: "0_large.bin", crc: 0xdeadbeef, size: 5 * GIB },
    { name: "1_small.txt", crc: 7, size: 12 },
    { name: "2_edge.bin", crc: 8, size: 0xffffffff },
  ];

  const entries = await entriesOf(files);

  expect(entries.map(({ fileName, uncompressedSize, crc32 }) => [fileName, uncompressedSize, crc32])).toEqual(
    files.map(({ name, size, crc }) => [name, size, crc]),
  );
  expect(entries[1]?.relativeOffsetOfLocalHeader).toBe(
    5 * GIB + localHeader({ name: "0_large.bin", crc: 0, size: 5 * GIB }).length,
  );
});

test("more than 65,535 entries are counted in the zip64 end", async () => {
  const { reader, size } = archive(Array.from({ length: 70_000 }, (_, i) => ({ name: `${i}_r`, crc: i, size: 0 })));

  const count = await new Promise((resolve, reject) =>
    yauzl.fromRandomAccessReader(reader, size, { lazyEntries: true }, (error, zip) =>
      zip ? resolve(zip.entryCount) : reject(error),
    ),
  );

  expect(count).toBe(70_000);
});
