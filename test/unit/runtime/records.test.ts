import { describe, expect, it } from "vitest";
import { eachRecord, mapRecords, RecordStream } from "../../../runtime/node/records.ts";

/** A stream of batches that tells when it was closed. */
function streamOf(batches: readonly (readonly number[])[]): { stream: RecordStream<number>; closed: () => boolean } {
  let isClosed = false;
  async function* give() {
    try {
      yield* batches;
    } finally {
      isClosed = true;
    }
  }
  return { stream: new RecordStream(give()), closed: () => isClosed };
}

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const record of records) found.push(record);
  return found;
}

async function each<T>(records: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const found: T[] = [];
  await eachRecord(records, (record) => {
    found.push(record);
    return undefined;
  });
  return found;
}

const BATCHES = [[1, 2], [], [3], [], []];

describe("records", () => {
  it("come one by one or many at a time, whatever the batches", async () => {
    expect(await all(streamOf(BATCHES).stream)).toEqual([1, 2, 3]);
    expect(await each(streamOf(BATCHES).stream)).toEqual([1, 2, 3]);
    expect(await each([1, 2, 3])).toEqual([1, 2, 3]);
  });

  it("are none twice and none left out when both ways are mixed", async () => {
    const { stream } = streamOf([[1, 2, 3], [4]]);

    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect(await each(stream)).toEqual([2, 3, 4]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("are mapped, and left out where there is nothing", async () => {
    const odd = (n: number) => (n % 2 === 1 ? String(n) : undefined);

    expect(await all(mapRecords(streamOf(BATCHES).stream, odd))).toEqual(["1", "3"]);
    expect(await each(mapRecords(mapRecords([1, 2, 3], odd), (text) => `${text}!`))).toEqual(["1!", "3!"]);
  });

  it("wait for what a taker promises before the next one", async () => {
    const order: string[] = [];
    await eachRecord(streamOf([[1, 2]]).stream, (n) => {
      order.push(`take ${n}`);
      return Promise.resolve().then(() => {
        order.push(`end ${n}`);
      });
    });

    expect(order).toEqual(["take 1", "end 1", "take 2", "end 2"]);
  });

  it("close their source when a taker throws or leaves", async () => {
    const thrown = streamOf([[1, 2], [3]]);
    const left = streamOf([[1, 2], [3]]);
    const mapped = streamOf([[1, 2], [3]]);
    const fail = () => {
      throw new Error("no more");
    };

    await expect(eachRecord(thrown.stream, fail)).rejects.toThrow("no more");
    for await (const _ of left.stream) break;
    await expect(each(mapRecords(mapped.stream, fail))).rejects.toThrow("no more");

    expect([thrown.closed(), left.closed(), mapped.closed()]).toEqual([true, true, true]);
  });
});
