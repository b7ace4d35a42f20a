/**
 * A zip archive as a pure merge plan: the checksum of every result is known, so no data is read. The results are walked
 * twice, for the entries and for the central directory; nothing grows with their number.
 */
import {
  type AssemblerEngine,
  type AssemblerWork,
  lengthOf,
  type PositionedSegment,
  resultName,
  UniqueNames,
} from "../../core/merge/index.ts";
import type { Value } from "../../core/ports/index.ts";
import { placed, positionOf, walk } from "./positions.ts";
import { archiveEnd, directoryEntry, localHeader } from "./zip-format.ts";

/** Offset of the next entry's local header; entries so far, and where the central directory began and stands. */
type ZipState = readonly [offset: number, count: number, directory: number, at: number];

const START: ZipState = [0, 0, 0, 0];

function toState(value: Value): ZipState {
  const [offset, count, directory, at] = Array.isArray(value) ? (value as readonly Value[]) : [];
  return [Number(offset ?? 0), Number(count ?? 0), Number(directory ?? 0), Number(at ?? 0)];
}

async function* zip(work: AssemblerWork, at: Value | undefined): AsyncGenerator<PositionedSegment> {
  const from = positionOf(at, { stage: "entry", batch: 0, result: 0, state: START }, toState);
  let [offset, count, directory, end] = from.state;
  if (from.stage === "entry" || from.stage === "data") {
    const names = new UniqueNames();
    let dataFirst = from.stage === "data";
    for await (const step of walk(work, from)) {
      const { result } = step;
      const name = resultName(result, work.tasks);
      const size = lengthOf(result.extent);
      names.check(result.ordinal, name);
      const header = localHeader({ name, crc: result.extent.crc, size });
      const state: ZipState = [offset, count, 0, 0];
      if (!dataFirst) yield placed({ literal: header }, "entry", state, step);
      dataFirst = false;
      yield placed(result.extent, "data", state, step);
      offset += header.length + size;
      count++;
    }
    directory = offset;
    end = offset;
  }
  if (from.stage !== "end") {
    const begin = from.stage === "directory" ? from : { batch: 0, result: 0 };
    let header = from.stage === "directory" ? offset : 0;
    for await (const step of walk(work, begin)) {
      const { result } = step;
      const name = resultName(result, work.tasks);
      const size = lengthOf(result.extent);
      const entry = directoryEntry({ name, crc: result.extent.crc, size, offset: header });
      const state: ZipState = [header, count, directory, end];
      yield placed({ literal: entry }, "directory", state, step);
      header += localHeader({ name, crc: result.extent.crc, size }).length + size;
      end += entry.length;
    }
  }
  yield placed({ literal: archiveEnd(count, directory, end) }, "end", [0, count, directory, end]);
}

export const zipEngine: AssemblerEngine = {
  shape: "one",
  contentType: () => "application/zip",
  source: (work) => ({ open: (at) => zip(work, at) }),
};
