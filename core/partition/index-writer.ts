import { MAX_CHUNKS } from "../chunks/index.ts";
import { type ChunkLine, OFFSET_STRIDE } from "../contracts/chunk-index.ts";
import type { AppendLog } from "./append-log.ts";
import { tooManyChunks } from "./input-errors.ts";

export interface IndexCounts {
  readonly tasks: number;
  readonly bytes: number;
  /** Offset behind the last line of the table of sources that a chunk needs. */
  readonly sourcesEnd: number;
}

/** Rows of the table of sources: number of the first, byte offset of its line, offset behind the last one's. */
export interface SourceRows {
  readonly first: number;
  readonly from: number;
  readonly end: number;
}

/** Writes the chunk index, and a row of the offset table for every 50th line of it. */
export class IndexWriter {
  readonly #index: AppendLog;
  readonly #offsets: AppendLog;
  #tasks: number;
  #bytes: number;
  #sourcesEnd: number;

  constructor(index: AppendLog, offsets: AppendLog, counts: IndexCounts = { tasks: 0, bytes: 0, sourcesEnd: 0 }) {
    this.#index = index;
    this.#offsets = offsets;
    this.#tasks = counts.tasks;
    this.#bytes = counts.bytes;
    this.#sourcesEnd = counts.sourcesEnd;
  }

  get counts(): IndexCounts {
    return { tasks: this.#tasks, bytes: this.#bytes, sourcesEnd: this.#sourcesEnd };
  }

  get full(): boolean {
    return this.#index.full || this.#offsets.full;
  }

  /** @param rows what the chunk needs of the table of sources; null for a generator's */
  add(line: ChunkLine, rows: SourceRows | null, bytes: number): void {
    if (this.#tasks >= MAX_CHUNKS) throw tooManyChunks(MAX_CHUNKS);
    if (this.#tasks % OFFSET_STRIDE === 0) {
      const at = this.#index.size;
      this.#offsets.write(`${JSON.stringify(rows ? [at, rows.first, rows.from, this.#sourcesEnd] : [at])}\n`);
    }
    this.#index.write(`${JSON.stringify(line)}\n`);
    this.#tasks++;
    this.#bytes += bytes;
    if (rows) this.#sourcesEnd = rows.end;
  }

  async drain(): Promise<void> {
    await this.#index.drain();
    await this.#offsets.drain();
  }
}
