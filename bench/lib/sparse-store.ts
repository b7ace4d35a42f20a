import { crc32 } from "node:zlib";
import { MemoryObjectStore } from "../../adapters/memory/index.ts";
import {
  checkPartNumber,
  checkParts,
  checkRange,
  MIN_PART_BYTES,
  storeError,
} from "../../adapters/shared/store-rules.ts";
import type { ByteRange, CompleteOptions, ListPage, ObjectInfo, Place, UploadedPart } from "../../core/ports/index.ts";

/** What reads are served from: every data object holds zeros. */
const ZEROS = new Uint8Array(64 * 1024 * 1024);

interface Upload {
  readonly place: Place;
  readonly parts: Map<number, { readonly size: number; readonly etag: string }>;
}

/**
 * S3 in memory where data objects (those put by `putSparse`, and all that multipart uploads make) have a size but no bytes,
 * so that a terabyte fits; other objects are kept. S3's rules for parts and copies hold. Counts calls of all kinds, and the
 * bytes of data that its caller received or sent.
 */
export class SparseStore extends MemoryObjectStore {
  calls = 0;
  /** Data that went through the caller. */
  bytesRead = 0;
  bytesWritten = 0;
  readonly #sizes = new Map<string, { readonly size: number; readonly etag: string }>();
  readonly #uploads = new Map<string, Upload>();
  #made = 0;

  /** An object of zeros, not counted. @returns its etag and CRC-32 */
  putSparse(place: Place, size: number): { readonly etag: string; readonly crc: number } {
    const etag = `"sparse-${++this.#made}"`;
    this.#sizes.set(idOf(place), { size, etag });
    return { etag, crc: crcOfZeros(size) };
  }

  /** Counts from here. */
  resetCounts(): void {
    this.calls = 0;
    this.bytesRead = 0;
    this.bytesWritten = 0;
    this.resetStats();
  }

  /** Of a data object. */
  sizeOf(place: Place): number | undefined {
    return this.#sizes.get(idOf(place))?.size;
  }

  override async get(place: Place, options: { readonly range?: ByteRange; readonly ifMatch?: string } = {}) {
    this.calls++;
    const found = this.#sizes.get(idOf(place));
    if (!found) return super.get(place, options);
    if (options.ifMatch !== undefined && options.ifMatch !== found.etag) throw storeError("PRECONDITION_FAILED", place);
    const { from, to } = options.range ?? { from: 0, to: found.size };
    if (from >= found.size) throw storeError("RANGE_INVALID", place);
    const length = Math.min(to, found.size) - from;
    if (length > ZEROS.length) throw new RangeError(`${length} bytes are asked for at once: no Lambda should.`);
    this.bytesRead += length;
    return ZEROS.subarray(0, length);
  }

  override async head(place: Place): Promise<ObjectInfo> {
    this.calls++;
    const found = this.#sizes.get(idOf(place));
    return found ? { ...place, ...found } : super.head(place);
  }

  override put(...args: Parameters<MemoryObjectStore["put"]>) {
    this.calls++;
    return super.put(...args);
  }

  override delete(...args: Parameters<MemoryObjectStore["delete"]>) {
    this.calls++;
    return super.delete(...args);
  }

  override async list(...[bucket, prefix, options]: Parameters<MemoryObjectStore["list"]>): Promise<ListPage> {
    this.calls++;
    const page = await super.list(bucket, prefix, options);
    const start = idOf({ bucket, key: prefix });
    const sparse = [...this.#sizes].flatMap(([id, found]): ObjectInfo[] =>
      id.startsWith(start) ? [{ bucket, key: id.slice(bucket.length + 1), ...found }] : [],
    );
    return { ...page, objects: [...page.objects, ...sparse] };
  }

  override async createUpload(place: Place) {
    this.calls++;
    const uploadId = `sparse-${++this.#made}`;
    this.#uploads.set(uploadId, { place, parts: new Map() });
    return { uploadId };
  }

  override async uploadPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array) {
    this.calls++;
    this.bytesWritten += body.length;
    return this.#addPart(place, uploadId, partNumber, body.length);
  }

  override async uploadPartCopy(
    place: Place,
    uploadId: string,
    partNumber: number,
    source: Place & { readonly etag: string; readonly range?: ByteRange },
  ): Promise<UploadedPart> {
    this.calls++;
    const found = this.#sizes.get(idOf(source));
    if (!found) throw storeError("OBJECT_MISSING", source);
    if (found.etag !== source.etag) throw storeError("PRECONDITION_FAILED", source);
    if (!source.range) return this.#addPart(place, uploadId, partNumber, found.size);
    checkRange(source, source.range);
    const { from, to } = source.range;
    if (to > found.size || found.size <= MIN_PART_BYTES) throw storeError("RANGE_INVALID", source);
    return this.#addPart(place, uploadId, partNumber, to - from);
  }

  override async completeUpload(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    options: CompleteOptions = {},
  ) {
    this.calls++;
    const upload = this.#find(place, uploadId);
    checkParts(place, parts);
    let size = 0;
    for (const [i, { partNumber, etag }] of parts.entries()) {
      const part = upload.parts.get(partNumber);
      const isSmall = part !== undefined && part.size < MIN_PART_BYTES && i < parts.length - 1;
      if (part?.etag !== etag || isSmall) throw storeError("PARTS_INVALID", place);
      size += part.size;
    }
    if (options.size !== undefined && options.size !== size) throw storeError("SIZE_MISMATCH", place);
    this.#uploads.delete(uploadId);
    return { etag: this.putSparse(place, size).etag };
  }

  override async abortUpload(_: Place, uploadId: string): Promise<void> {
    this.calls++;
    this.#uploads.delete(uploadId);
  }

  #find(place: Place, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (!upload || idOf(upload.place) !== idOf(place)) throw storeError("UPLOAD_MISSING", place);
    return upload;
  }

  #addPart(place: Place, uploadId: string, partNumber: number, size: number): UploadedPart {
    checkPartNumber(place, partNumber);
    const etag = `"${(++this.#made).toString(16).padStart(32, "0")}"`;
    this.#find(place, uploadId).parts.set(partNumber, { size, etag });
    return { partNumber, etag };
  }
}

const idOf = ({ bucket, key }: Place): string => `${bucket}/${key}`;

const crcs = new Map<number, number>();
function crcOfZeros(size: number): number {
  const known = crcs.get(size);
  if (known !== undefined) return known;
  let crc = 0;
  // What multipart uploads make is never asked for its sum.
  if (size <= ZEROS.length) crc = crc32(ZEROS.subarray(0, size));
  crcs.set(size, crc);
  return crc;
}
