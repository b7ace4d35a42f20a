/**
 * Carries out a merge plan: resumable behind any part, memory bounded by a few parts. An output that fits one buffer is
 * one PUT; others are multipart uploads; one with more parts than an upload may have is built as a tree of objects, whose
 * upper levels are copies inside S3. Whatever a repeated or superseded call does again, it does with the same bytes.
 */
import { JobJobError } from "../errors.ts";
import type { Budget, ObjectStore, Place } from "../ports/index.ts";
import { completeOwn } from "./complete-own.ts";
import { crc32 } from "./crc32.ts";
import type { Leaf, MergeCursor } from "./cursor.ts";
import { Flights } from "./flights.ts";
import {
  type Checkpoint,
  COPY_BYTES,
  MAX_PART_BYTES,
  type PartSizes,
  type Planned,
  type PlannedPart,
  planParts,
  START,
} from "./plan-parts.ts";
import { readPieces } from "./read-pieces.ts";
import { type Segment, type SegmentSource, segmentsOf } from "./segment.ts";

export interface MergeLimits {
  /** The least bytes of a part but the last. */
  readonly partBytes: number;
  /** Parts that an upload may have. */
  readonly partLimit: number;
  /** @default 1 GiB */
  readonly copyBytes?: number;
}
export interface MergePorts {
  readonly objects: ObjectStore;
  readonly budget: Budget;
  readonly limits: MergeLimits;
}
export interface MergeTarget {
  readonly place: Place;
  readonly contentType?: string;
  /** Key prefix for intermediate objects in the same bucket; ends in "/". */
  readonly scratch: string;
}
export type MergeOutcome =
  | { readonly done: true; readonly etag: string; readonly size: number; readonly crc32: number | null }
  | { readonly done: false; readonly cursor: MergeCursor };

/** Parts under way at once: they wait for S3, not for this machine. */
const PARTS_AT_ONCE = 4;
/** An upload that vanished (completed by a superseded call, or aborted) is made anew this often per call. */
const MAX_REMAKES = 2;

/**
 * Writes the segments of `source` to `target`, from `cursor` on. Makes at least one part of progress per call.
 * @throws JobJobError OUTPUT_TOO_LARGE, OUTPUT_DAMAGED, and those of the object store: OBJECT_MISSING or
 * PRECONDITION_FAILED when an object of the plan is gone or another one by now.
 */
export async function mergeInto(
  ports: MergePorts,
  target: MergeTarget,
  source: SegmentSource,
  cursor?: MergeCursor,
): Promise<MergeOutcome> {
  return new Merge(ports, target, source, cursor).run();
}

class Merge {
  readonly #ports: MergePorts;
  readonly #target: MergeTarget;
  readonly #source: SegmentSource;
  readonly #state: { -readonly [K in keyof MergeCursor]: MergeCursor[K] };
  #progress = false;
  #remakes = 0;

  constructor(ports: MergePorts, target: MergeTarget, source: SegmentSource, cursor: MergeCursor | undefined) {
    this.#ports = ports;
    this.#target = target;
    this.#source = source;
    this.#state = cursor
      ? structuredClone(cursor)
      : { level: 0, children: [], done: [], leaf: null, next: START, total: null };
  }

  async run(): Promise<MergeOutcome> {
    for (;;) {
      const outcome = await this.#level(planParts(this.#levelSource(), this.#sizes(), this.#state.next));
      if (outcome) return outcome;
    }
  }

  #levelSource(): SegmentSource {
    if (this.#state.level === 0) return this.#source;
    return segmentsOf(this.#state.children.map((child) => ({ ...child, from: 0, to: child.size })));
  }

  #sizes(): PartSizes {
    const { partBytes, copyBytes = COPY_BYTES } = this.#ports.limits;
    return { partBytes, copyBytes: this.#state.level === 0 ? Math.max(copyBytes, 2 * partBytes) : MAX_PART_BYTES };
  }

  /** Works through one level, or the rest of it. @returns nothing when there is more to do in this call. */
  async #level(planned: Planned): Promise<MergeOutcome | undefined> {
    const state = this.#state;
    const flights = new Flights(PARTS_AT_ONCE);
    try {
      for await (const part of planned.parts) {
        if (isAll(part) && state.level === 0) return await this.#putWhole(part.pieces, planned);
        if (this.#progress && this.#ports.budget.remaining() <= 0) {
          await flights.landed();
          return { done: false, cursor: { ...state, next: part.start } };
        }
        this.#progress = true;
        const leaf = state.leaf ?? (await this.#begin(part.start));
        const index = leaf.etags.push("") - 1;
        leaf.bytes += part.bytes;
        await flights.start(() => this.#upload(leaf, index, part));
        if (part.last || leaf.etags.length === this.#ports.limits.partLimit) {
          await flights.landed();
          await this.#finish(leaf);
        }
      }
    } catch (error) {
      await flights.settled();
      this.#remakeOrThrow(error);
      return undefined;
    }
    return this.#levelEnded(planned);
  }

  async #putWhole(pieces: readonly Segment[], planned: Planned): Promise<MergeOutcome> {
    const body = await readPieces(this.#ports.objects, pieces);
    const { etag } = await this.#ports.objects.put(this.#target.place, body, this.#contentType());
    const { size, crc } = planned.total();
    if (crc !== null && crc !== crc32(body)) throw damaged(this.#target.place, "its checksum is another");
    return { done: true, etag, size, crc32: crc };
  }

  async #begin(start: Checkpoint): Promise<Leaf> {
    const key = this.#leafKey();
    const { uploadId } = await this.#ports.objects.createUpload(
      { bucket: this.#target.place.bucket, key },
      this.#contentType(),
    );
    const leaf: Leaf = { key, uploadId, start, etags: [], bytes: 0 };
    this.#state.leaf = leaf;
    return leaf;
  }

  /** The first object of level 0 is the output itself unless more follow; an upper level that fits one upload is, too. */
  #leafKey(): string {
    const { level, done, children } = this.#state;
    const parts = children.reduce((sum, { size }) => sum + Math.ceil(size / MAX_PART_BYTES), 0);
    const isOutput = level === 0 ? done.length === 0 : parts <= this.#ports.limits.partLimit;
    return isOutput ? this.#target.place.key : `${this.#target.scratch}merge-${level}-${done.length}`;
  }

  async #upload(leaf: Leaf, index: number, part: PlannedPart): Promise<void> {
    const { objects } = this.#ports;
    const place = { bucket: this.#target.place.bucket, key: leaf.key };
    const { etag } =
      part.kind === "copy"
        ? await objects.uploadPartCopy(place, leaf.uploadId, index + 1, {
            bucket: part.extent.bucket,
            key: part.extent.key,
            etag: part.extent.etag,
            range: { from: part.extent.from, to: part.extent.to },
          })
        : await objects.uploadPart(place, leaf.uploadId, index + 1, await readPieces(objects, part.pieces));
    leaf.etags[index] = etag;
  }

  async #finish(leaf: Leaf): Promise<void> {
    const place = { bucket: this.#target.place.bucket, key: leaf.key };
    const etag = await completeOwn(this.#ports.objects, place, leaf, {});
    this.#state.done.push({ ...place, etag, size: leaf.bytes });
    this.#state.leaf = null;
  }

  /** The upload is gone, say because a superseded call completed it and its answer never came: its parts are made anew. */
  #remakeOrThrow(error: unknown): void {
    const { leaf } = this.#state;
    const gone = error instanceof JobJobError && error.code === "UPLOAD_MISSING";
    if (!gone || !leaf || ++this.#remakes > MAX_REMAKES) throw error;
    this.#state.next = leaf.start;
    this.#state.leaf = null;
  }

  async #levelEnded(planned: Planned): Promise<MergeOutcome | undefined> {
    const state = this.#state;
    const total = state.total ?? planned.total();
    const [only, ...others] = state.done;
    if (!only) {
      const { etag } = await this.#ports.objects.put(this.#target.place, new Uint8Array(), this.#contentType());
      return { done: true, etag, size: 0, crc32: 0 };
    }
    if (others.length === 0 && only.key === this.#target.place.key) {
      if (only.size !== total.size) throw damaged(only, `it has ${only.size} bytes, not ${total.size}`);
      return { done: true, etag: only.etag, size: total.size, crc32: total.crc };
    }
    if (total.size > this.#ports.limits.partLimit * MAX_PART_BYTES) {
      throw new JobJobError({
        code: "OUTPUT_TOO_LARGE",
        message: `The output has ${total.size} bytes, more than one object can hold; use the assembler "passthrough" for one file per result.`,
      });
    }
    Object.assign(state, { level: state.level + 1, children: state.done, done: [], leaf: null, next: START, total });
    return undefined;
  }

  #contentType() {
    return this.#target.contentType === undefined ? {} : { contentType: this.#target.contentType };
  }
}

const isAll = (part: PlannedPart): part is PlannedPart & { readonly kind: "buffer" } =>
  part.last && part.kind === "buffer" && part.start.size === 0 && part.start.skip === 0;

const damaged = (place: Place, why: string) =>
  new JobJobError({
    code: "OUTPUT_DAMAGED",
    message: `The merged object ${place.key} isn't what its parts add up to (${why}); requeue the job to merge again.`,
    details: { bucket: place.bucket, key: place.key },
  });
