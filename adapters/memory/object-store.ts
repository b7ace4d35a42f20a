import type {
  ByteRange,
  Clock,
  CompleteOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  Place,
  Precondition,
  PresignOptions,
  PutOptions,
  UploadedPart,
} from "../../core/ports/index.ts";
import { compareBytes, lowerBound } from "../shared/byte-order.ts";
import { readCursor, writeCursor } from "../shared/cursor.ts";
import {
  checkExpiry,
  checkKeyLength,
  checkRange,
  contentDisposition,
  MAX_PAGE,
  MAX_PARTS,
  MIN_PART_BYTES,
  storeError,
} from "../shared/store-rules.ts";
import { fakeUrl, type LinkAnswer, type LinkRequest, openLink } from "./links.ts";
import { type Digest, md5, quoted, Uploads } from "./uploads.ts";

const encoder = new TextEncoder();
/** Objects. */
const SMALL = 1_000;

export interface MemoryObjectStoreOptions {
  /** Buckets that exist from the start; more with `createBucket`. @default ["data"] */
  readonly buckets?: readonly string[];
  /** For lastModified and expiry of links. @default one that stands still */
  readonly clock?: Clock;
  /** Gives every object a versionId. @default false */
  readonly versioning?: boolean;
  /** All parts but the last. Tests make it tiny. @default 5 MiB */
  readonly minPartBytes?: number;
  /** @default 10,000 */
  readonly maxParts?: number;
  /** Of a stream's blocks. @default 64 KiB */
  readonly blockBytes?: number;
  /** What etags are made of. The simulation takes a cheaper one. @default MD5, as S3 */
  readonly digest?: Digest;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
  readonly lastModified: string;
  readonly contentType: string | undefined;
  readonly contentDisposition: string | undefined;
  readonly versionId: string | undefined;
}

type Method = keyof ObjectStore;
/** Calls and bytes (read or written, copies within the store not counted) by the port's method. */
export type StoreStats = Partial<Record<Method, { calls: number; bytes: number }>>;

/** S3 in memory, for tests: the same etags, preconditions, ranges, multipart rules, order and errors. */
export class MemoryObjectStore implements ObjectStore {
  readonly #buckets = new Map<string, { objects: Map<string, StoredObject>; sorted: string[] | undefined }>();
  readonly #uploads: Uploads;
  readonly #clock: Clock;
  readonly #digest: Digest;
  readonly #options: { versioning: boolean; minPartBytes: number; blockBytes: number };
  #versions = 0;
  /** The latest time that was asked for: thousands of objects are made within a second. */
  #second = { at: Number.NaN, text: "" };
  /** Set by a test: places where the deployment has no rights. */
  denied: (place: { readonly bucket: string; readonly key?: string }) => boolean = () => false;
  stats: StoreStats = {};

  constructor(options: MemoryObjectStoreOptions = {}) {
    this.#clock = options.clock ?? { now: () => 0 };
    const minPartBytes = options.minPartBytes ?? MIN_PART_BYTES;
    this.#options = { versioning: options.versioning ?? false, minPartBytes, blockBytes: options.blockBytes ?? 65_536 };
    this.#digest = options.digest ?? md5;
    this.#uploads = new Uploads({ minPartBytes, maxParts: options.maxParts ?? MAX_PARTS, digest: this.#digest });
    for (const bucket of options.buckets ?? ["data"]) this.createBucket(bucket);
  }

  async head(place: Place): Promise<ObjectInfo> {
    this.#count("head");
    return this.#info(place, this.#object(place));
  }

  async get(
    place: Place,
    options: { readonly range?: ByteRange; readonly ifMatch?: string } = {},
  ): Promise<Uint8Array> {
    if (isEmpty(place, options.range)) return new Uint8Array();
    this.#count("get");
    const body = new Uint8Array(this.#cut(place, options));
    this.#count("get", body.length, 0);
    return body;
  }

  async *stream(
    place: Place,
    options: { readonly range?: ByteRange; readonly ifMatch?: string } = {},
  ): AsyncGenerator<Uint8Array> {
    if (isEmpty(place, options.range)) return;
    this.#count("stream");
    const body = this.#cut(place, options);
    for (let at = 0; at < body.length; at += this.#options.blockBytes) {
      const block = new Uint8Array(body.subarray(at, at + this.#options.blockBytes));
      this.#count("stream", block.length, 0);
      yield block;
    }
  }

  async put(place: Place, body: Uint8Array | string, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const bytes = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
    this.#count("put", bytes.length);
    this.#require(place, options);
    const etag = quoted(this.#digest(bytes).toString("hex"));
    this.#store(place, bytes, etag, { contentType: options.contentType });
    return { etag };
  }

  async list(
    bucket: string,
    prefix: string,
    options: { readonly cursor?: string; readonly limit?: number; readonly after?: string } = {},
  ): Promise<ListPage> {
    this.#count("list");
    const found = this.#bucket({ bucket });
    // Of a small bucket the few keys below a prefix are sooner sorted than all of it, anew behind every put.
    const isSmall = found.sorted === undefined && found.objects.size < SMALL;
    if (!isSmall) found.sorted ??= [...found.objects.keys()].sort(compareBytes);
    const sorted = found.sorted ?? [...found.objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareBytes);
    const after = options.cursor === undefined ? options.after : readCursor(options.cursor, ["after"]).after;
    const limit = Math.min(options.limit ?? MAX_PAGE, MAX_PAGE);
    const start = lowerBound(sorted, after !== undefined && compareBytes(after, prefix) > 0 ? after : prefix);
    const objects: ObjectInfo[] = [];
    for (const key of sorted.slice(start)) {
      if (!key.startsWith(prefix)) break;
      if (key === after) continue;
      const last = objects.at(-1);
      if (objects.length === limit && last) return { objects, cursor: writeCursor({ after: last.key }) };
      const object = found.objects.get(key);
      if (object) objects.push(this.#info({ bucket, key }, object));
    }
    return { objects };
  }

  async delete(bucket: string, keys: readonly string[]): Promise<void> {
    this.#count("delete");
    const found = this.#bucket({ bucket });
    for (const key of keys) {
      this.#bucket({ bucket, key });
      if (found.objects.delete(key)) found.sorted = undefined;
    }
  }

  async createUpload(
    place: Place,
    options: { readonly contentType?: string } = {},
  ): Promise<{ readonly uploadId: string }> {
    this.#count("createUpload");
    checkKeyLength(place);
    this.#bucket(place);
    return { uploadId: this.#uploads.create(place, this.#time(), options.contentType).uploadId };
  }

  async uploadPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array): Promise<UploadedPart> {
    this.#count("uploadPart", body.length);
    this.#bucket(place);
    return this.#uploads.addPart(place, uploadId, partNumber, body);
  }

  async uploadPartCopy(
    place: Place,
    uploadId: string,
    partNumber: number,
    source: Place & { readonly etag: string; readonly range?: ByteRange },
  ): Promise<UploadedPart> {
    this.#count("uploadPartCopy");
    this.#bucket(place);
    this.#uploads.find(place, uploadId);
    const object = this.#object(source);
    if (object.etag !== source.etag) throw storeError("PRECONDITION_FAILED", source);
    if (!source.range) return this.#uploads.addPart(place, uploadId, partNumber, object.body);
    checkRange(source, source.range);
    const { from, to } = source.range;
    if (to > object.body.length || from === to) throw storeError("RANGE_INVALID", source);
    if (object.body.length <= this.#options.minPartBytes) {
      throw storeError("RANGE_INVALID", source, { why: "only a source over 5 MiB can be copied by range" });
    }
    return this.#uploads.addPart(place, uploadId, partNumber, object.body.subarray(from, to));
  }

  async completeUpload(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    options: CompleteOptions = {},
  ): Promise<{ readonly etag: string }> {
    this.#count("completeUpload");
    this.#bucket(place);
    const upload = this.#uploads.find(place, uploadId);
    const { body, etag } = this.#uploads.join(upload, parts);
    if (options.size !== undefined && options.size !== body.length) throw storeError("SIZE_MISMATCH", place);
    this.#require(place, options);
    this.#uploads.remove(uploadId);
    this.#store(place, body, etag, { contentType: upload.contentType });
    return { etag };
  }

  async abortUpload(place: Place, uploadId: string): Promise<void> {
    this.#count("abortUpload");
    this.#bucket(place);
    this.#uploads.remove(uploadId);
  }

  async listUploads(bucket: string, prefix: string) {
    this.#count("listUploads");
    this.#bucket({ bucket });
    return this.#uploads
      .list(bucket, prefix)
      .map(({ key, uploadId, initiated }) => ({ bucket, key, uploadId, initiated }));
  }

  async presignGet(place: Place, options: PresignOptions): Promise<string> {
    this.#count("presignGet");
    checkExpiry(place, options.expiresIn);
    const disposition =
      options.downloadName === undefined ? {} : { disposition: contentDisposition(options.downloadName) };
    return fakeUrl(place, { method: "GET", expires: this.#expiry(options), ...disposition });
  }

  async presignPut(place: Place, options: { readonly expiresIn: number }): Promise<string> {
    this.#count("presignPut");
    checkExpiry(place, options.expiresIn);
    return fakeUrl(place, { method: "PUT", expires: this.#expiry(options) });
  }

  async presignPart(
    place: Place,
    uploadId: string,
    partNumber: number,
    options: { readonly expiresIn: number },
  ): Promise<string> {
    this.#count("presignPart");
    checkExpiry(place, options.expiresIn);
    return fakeUrl(place, { method: "PUT", expires: this.#expiry(options), uploadId, partNumber: String(partNumber) });
  }

  createBucket(bucket: string): void {
    if (!this.#buckets.has(bucket)) this.#buckets.set(bucket, { objects: new Map(), sorted: undefined });
  }

  /** What a browser or curl would get for a link that a presign method made. Not counted. */
  async fetchLink(url: string, request: LinkRequest = {}): Promise<LinkAnswer> {
    return openLink(url, request, {
      now: this.#clock.now(),
      peek: (place) => this.#buckets.get(place.bucket)?.objects.get(place.key),
      store: (place, body, headers) => {
        const etag = quoted(this.#digest(body).toString("hex"));
        this.#store(place, new Uint8Array(body), etag, headers);
        return etag;
      },
      part: (place, uploadId, partNumber, body) => this.#uploads.addPart(place, uploadId, partNumber, body).etag,
    });
  }

  /** The object as it stands, or undefined; for assertions, not counted, no rights needed. */
  peek(place: Place): StoredObject | undefined {
    return this.#buckets.get(place.bucket)?.objects.get(place.key);
  }

  /** The object's text; for assertions. */
  text(place: Place): string | undefined {
    const object = this.peek(place);
    return object && new TextDecoder().decode(object.body);
  }

  /** All keys of a bucket in byte order; for assertions. */
  keys(bucket: string): readonly string[] {
    return [...(this.#buckets.get(bucket)?.objects.keys() ?? [])].sort(compareBytes);
  }

  resetStats(): void {
    this.stats = {};
  }

  #count(method: Method, bytes = 0, calls = 1): void {
    const counter = this.stats[method] ?? { calls: 0, bytes: 0 };
    this.stats[method] = { calls: counter.calls + calls, bytes: counter.bytes + bytes };
  }

  #bucket(place: { readonly bucket: string; readonly key?: string }) {
    const bucket = this.#buckets.get(place.bucket);
    if (!bucket) throw storeError("BUCKET_MISSING", { bucket: place.bucket });
    if (this.denied(place)) throw storeError("ACCESS_DENIED", place);
    return bucket;
  }

  #object(place: Place): StoredObject {
    const object = this.#bucket(place).objects.get(place.key);
    if (!object) throw storeError("OBJECT_MISSING", place);
    return object;
  }

  #cut(place: Place, options: { readonly range?: ByteRange; readonly ifMatch?: string }): Uint8Array {
    const object = this.#object(place);
    if (options.ifMatch !== undefined && options.ifMatch !== object.etag)
      throw storeError("PRECONDITION_FAILED", place);
    const { from, to } = options.range ?? { from: 0, to: object.body.length };
    if (options.range && from >= object.body.length) throw storeError("RANGE_INVALID", place);
    return object.body.subarray(from, to);
  }

  #require(place: Place, { ifMatch, ifNoneMatch }: Precondition): void {
    checkKeyLength(place);
    const object = this.#bucket(place).objects.get(place.key);
    if (ifNoneMatch !== undefined && object) throw storeError("PRECONDITION_FAILED", place);
    if (ifMatch !== undefined && object?.etag !== ifMatch) throw storeError("PRECONDITION_FAILED", place);
  }

  #store(
    place: Place,
    body: Uint8Array,
    etag: string,
    headers: { readonly contentType?: string | undefined; readonly contentDisposition?: string | undefined },
  ): void {
    const bucket = this.#bucket(place);
    if (!bucket.objects.has(place.key)) bucket.sorted = undefined;
    bucket.objects.set(place.key, {
      body,
      etag,
      lastModified: this.#time(),
      contentType: headers.contentType,
      contentDisposition: headers.contentDisposition,
      versionId: this.#options.versioning ? `v${++this.#versions}` : undefined,
    });
  }

  #info({ bucket, key }: Place, object: StoredObject): ObjectInfo {
    const { etag, lastModified, versionId } = object;
    return {
      bucket,
      key,
      size: object.body.length,
      etag,
      lastModified,
      ...(versionId === undefined ? {} : { versionId }),
    };
  }

  /** S3 keeps whole seconds. */
  #time(): string {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second.at) this.#second = { at: second, text: new Date(second * 1_000).toISOString() };
    return this.#second.text;
  }

  #expiry({ expiresIn }: { readonly expiresIn: number }): string {
    return String(this.#clock.now() + expiresIn * 1_000);
  }
}

function isEmpty(place: Place, range: ByteRange | undefined): boolean {
  if (!range) return false;
  checkRange(place, range);
  return range.from === range.to;
}
