/** Outputs of `passthrough`: every result an object of its own. */
import * as z from "zod";
import { listState, type OutputEntry } from "../contracts/output-list.ts";
import type { ListWriter } from "../delivery/list-writer.ts";
import { contentTypeOf } from "./content-type.ts";
import { mergeCursor } from "./cursor.ts";
import { inParallel } from "./in-parallel.ts";
import { type MergePorts, mergeInto } from "./merge-into.ts";
import { type ReadResult, readWindows } from "./read-windows.ts";
import { resultName, UniqueNames } from "./result-names.ts";
import type { CommittedBatch, CommittedResult } from "./results.ts";
import { segmentsOf } from "./segment.ts";

export const eachCursor = z.object({
  /** The result that comes next. */
  batch: z.int(),
  result: z.int(),
  list: listState,
  /** A big result that is being copied. */
  merge: mergeCursor.nullable(),
});
export type EachCursor = z.infer<typeof eachCursor>;

export interface EachWork {
  readonly ports: MergePorts;
  readonly bucket: string;
  /** Key prefix of the outputs, ends in "/". */
  readonly prefix: string;
  readonly tasks: number;
  readonly results: (fromBatch?: number) => AsyncIterable<CommittedBatch>;
  readonly list: ListWriter<OutputEntry>;
}

const PUTS_AT_ONCE = 16;

/** @returns where it stands, or null when all are written. At least one window of progress per call. */
export async function writeEach(work: EachWork, cursor: EachCursor | undefined): Promise<EachCursor | null> {
  let skip = cursor?.result ?? 0;
  let merge = cursor?.merge ?? null;
  let progress = false;
  const names = new UniqueNames();
  const stop = (batch: number, result: number): EachCursor => ({ batch, result, list: work.list.state, merge });
  for await (const { n, results } of work.results(cursor?.batch ?? 0)) {
    let index = skip;
    for await (const window of readWindows(work.ports.objects, results.slice(skip))) {
      if (progress && work.ports.budget.remaining() <= 0) return stop(n, index);
      progress = true;
      for (const { result } of window) names.check(result.ordinal, resultName(result, work.tasks));
      const [first] = window;
      if (first && first.bytes === null) {
        const outcome = await mergeInto(
          work.ports,
          targetOf(work, first.result),
          segmentsOf([first.result.extent]),
          merge ?? undefined,
        );
        merge = outcome.done ? null : outcome.cursor;
        if (!outcome.done) return stop(n, index);
        await work.list.add(entryOf(work, first.result, outcome.etag));
      } else await putWindow(work, window);
      index += window.length;
    }
    skip = 0;
  }
  return null;
}

async function putWindow(work: EachWork, window: readonly ReadResult[]): Promise<void> {
  const etags: string[] = [];
  await inParallel(window, PUTS_AT_ONCE, async ({ result, bytes }, i) => {
    const { place, contentType } = targetOf(work, result);
    etags[i] = (await work.ports.objects.put(place, bytes ?? new Uint8Array(), { contentType })).etag;
  });
  for (const [i, { result }] of window.entries()) await work.list.add(entryOf(work, result, etags[i] ?? ""));
}

function targetOf(work: EachWork, result: CommittedResult) {
  const name = resultName(result, work.tasks);
  return {
    place: { bucket: work.bucket, key: work.prefix + name },
    contentType: contentTypeOf(name),
    scratch: `${work.prefix}.merge/`,
  };
}

function entryOf(work: EachWork, result: CommittedResult, etag: string): OutputEntry {
  const name = resultName(result, work.tasks);
  const { from, to, crc } = result.extent;
  return { n: name, k: work.prefix + name, z: to - from, e: etag, c: crc, t: contentTypeOf(name) };
}
