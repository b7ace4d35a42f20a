import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type {
  ByteRange,
  CompleteOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  Place,
  PresignOptions,
  PutOptions,
  UploadedPart,
} from "../../core/ports/index.ts";
import { readCursor, writeCursor } from "../shared/cursor.ts";
import { retrying } from "../shared/retry.ts";
import { readSdkError } from "../shared/sdk-error.ts";
import {
  checkExpiry,
  checkKeyLength,
  checkRange,
  contentDisposition,
  MAX_PAGE,
  type StoreErrorCode,
  storeError,
} from "../shared/store-rules.ts";
import { s3Client } from "./client.ts";
import { isUnavailable, toStoreError } from "./errors.ts";
import { listedKey, rangeHeader } from "./names.ts";
import { S3Uploads } from "./uploads.ts";

export interface S3ObjectStoreOptions {
  /** @default one per process */
  readonly client?: S3Client;
}

type ReadOptions = { readonly range?: ByteRange; readonly ifMatch?: string };
/** Keys of one DeleteObjects. */
const DELETE_KEYS = 1_000;
/** XML 1.0 can't carry these characters, so such keys can't be deleted in bulk. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** The ObjectStore port on S3. Retries are the SDK's (4 attempts); a body that breaks off while `get` reads it adds 3 tries. */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #uploads: S3Uploads;

  constructor(options: S3ObjectStoreOptions = {}) {
    this.#client = options.client ?? s3Client();
    this.#uploads = new S3Uploads(this.#client, (place) => this.head(place));
  }

  async head(place: Place): Promise<ObjectInfo> {
    const { bucket, key } = place;
    try {
      const answer = await this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return {
        bucket,
        key,
        size: answer.ContentLength ?? 0,
        etag: answer.ETag ?? "",
        ...(answer.VersionId === undefined ? {} : { versionId: answer.VersionId }),
        ...(answer.LastModified === undefined ? {} : { lastModified: answer.LastModified.toISOString() }),
      };
    } catch (error) {
      const found = toStoreError(error, place);
      // A 404 to HEAD doesn't say whether the bucket or the object is missing.
      if (found.code === "OBJECT_MISSING" && (await this.#bucketMissing(bucket))) {
        throw storeError("BUCKET_MISSING", { bucket }, { cause: error });
      }
      throw found;
    }
  }

  async get(place: Place, options: ReadOptions = {}): Promise<Uint8Array> {
    if (isEmpty(place, options.range)) return new Uint8Array();
    const read = async () => {
      const { body, length } = await this.#open(place, options);
      try {
        const bytes = await body.transformToByteArray();
        if (length !== undefined && bytes.length !== length) throw new Error(`${bytes.length} of ${length} bytes came`);
        return bytes;
      } catch (cause) {
        throw storeError("STORE_UNAVAILABLE", place, { why: "the answer broke off", cause });
      }
    };
    return retrying(read, isUnavailable, { tries: 3, baseMs: 100 });
  }

  async *stream(place: Place, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    if (isEmpty(place, options.range)) return;
    const { body, length } = await this.#open(place, options);
    let came = 0;
    try {
      // In Node the SDK's body is a Readable; leaving the loop early destroys it and frees the connection.
      for await (const block of body as unknown as AsyncIterable<Uint8Array>) {
        came += block.length;
        yield block;
      }
    } catch (cause) {
      throw storeError("STORE_UNAVAILABLE", place, { why: "the answer broke off", cause });
    }
    if (length !== undefined && came !== length) {
      throw storeError("STORE_UNAVAILABLE", place, { why: `the answer broke off after ${came} of ${length} bytes` });
    }
  }

  async put(place: Place, body: Uint8Array | string, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    checkKeyLength(place);
    const command = new PutObjectCommand({
      Bucket: place.bucket,
      Key: place.key,
      Body: typeof body === "string" ? new TextEncoder().encode(body) : body,
      ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
      ...(options.ifMatch === undefined ? {} : { IfMatch: options.ifMatch }),
      ...(options.ifNoneMatch === undefined ? {} : { IfNoneMatch: options.ifNoneMatch }),
    });
    // If-Match on nothing: S3 says NoSuchKey.
    const meanings: Record<string, StoreErrorCode> = { NoSuchKey: "PRECONDITION_FAILED" };
    const answer = await this.#call(place, () => this.#client.send(command), meanings);
    return { etag: answer.ETag ?? "" };
  }

  async list(
    bucket: string,
    prefix: string,
    options: { readonly cursor?: string; readonly limit?: number; readonly after?: string } = {},
  ): Promise<ListPage> {
    // The cursor is ours: the last key, to start after. S3's own token would do the same, but can't be checked here.
    const after = options.cursor === undefined ? options.after : readCursor(options.cursor, ["after"]).after;
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      EncodingType: "url",
      MaxKeys: Math.min(options.limit ?? MAX_PAGE, MAX_PAGE),
      ...(after === undefined ? {} : { StartAfter: after }),
    });
    const answer = await this.#call({ bucket }, () => this.#client.send(command));
    const objects = (answer.Contents ?? []).map((object) => ({
      bucket,
      key: listedKey(object.Key ?? "", answer.EncodingType),
      size: object.Size ?? 0,
      etag: object.ETag ?? "",
      ...(object.LastModified === undefined ? {} : { lastModified: object.LastModified.toISOString() }),
    }));
    const last = objects.at(-1);
    return answer.IsTruncated && last ? { objects, cursor: writeCursor({ after: last.key }) } : { objects };
  }

  async delete(bucket: string, keys: readonly string[]): Promise<void> {
    for (const Key of keys.filter((key) => NOT_IN_XML.test(key))) {
      const command = new DeleteObjectCommand({ Bucket: bucket, Key });
      await this.#call({ bucket, key: Key }, () => this.#client.send(command));
    }
    const plain = keys.filter((key) => !NOT_IN_XML.test(key));
    for (let i = 0; i < plain.length; i += DELETE_KEYS) {
      const Objects = plain.slice(i, i + DELETE_KEYS).map((Key) => ({ Key }));
      const command = new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } });
      const answer = await this.#call({ bucket }, () => this.#client.send(command));
      const failed = answer.Errors?.find(({ Code }) => Code !== "NoSuchKey");
      if (failed) throw toStoreError({ name: failed.Code }, { bucket, key: failed.Key ?? "" });
    }
  }

  createUpload(place: Place, options: { readonly contentType?: string } = {}): Promise<{ readonly uploadId: string }> {
    return this.#uploads.create(place, options);
  }

  uploadPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array): Promise<UploadedPart> {
    return this.#uploads.part(place, uploadId, partNumber, body);
  }

  uploadPartCopy(
    place: Place,
    uploadId: string,
    partNumber: number,
    source: Place & { readonly etag: string; readonly range?: ByteRange },
  ): Promise<UploadedPart> {
    return this.#uploads.partCopy(place, uploadId, partNumber, source);
  }

  completeUpload(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    options: CompleteOptions = {},
  ): Promise<{ readonly etag: string }> {
    return this.#uploads.complete(place, uploadId, parts, options);
  }

  abortUpload(place: Place, uploadId: string): Promise<void> {
    return this.#uploads.abort(place, uploadId);
  }

  listUploads(bucket: string, prefix: string) {
    return this.#uploads.list(bucket, prefix);
  }

  async presignGet(place: Place, options: PresignOptions): Promise<string> {
    checkExpiry(place, options.expiresIn);
    const command = new GetObjectCommand({
      Bucket: place.bucket,
      Key: place.key,
      ...(options.downloadName === undefined
        ? {}
        : { ResponseContentDisposition: contentDisposition(options.downloadName) }),
    });
    return getSignedUrl(this.#client, command, { expiresIn: options.expiresIn });
  }

  async presignPut(place: Place, options: { readonly expiresIn: number }): Promise<string> {
    checkExpiry(place, options.expiresIn);
    const command = new PutObjectCommand({ Bucket: place.bucket, Key: place.key });
    return getSignedUrl(this.#client, command, { expiresIn: options.expiresIn });
  }

  async presignPart(
    place: Place,
    uploadId: string,
    partNumber: number,
    options: { readonly expiresIn: number },
  ): Promise<string> {
    checkExpiry(place, options.expiresIn);
    const command = new UploadPartCommand({
      Bucket: place.bucket,
      Key: place.key,
      UploadId: uploadId,
      PartNumber: partNumber,
    });
    return getSignedUrl(this.#client, command, { expiresIn: options.expiresIn });
  }

  async #open(place: Place, options: ReadOptions) {
    const command = new GetObjectCommand({
      Bucket: place.bucket,
      Key: place.key,
      ...(options.range === undefined ? {} : { Range: rangeHeader(options.range) }),
      ...(options.ifMatch === undefined ? {} : { IfMatch: options.ifMatch }),
    });
    const answer = await this.#call(place, () => this.#client.send(command));
    if (!answer.Body) throw storeError("STORE_UNAVAILABLE", place, { why: "the answer had no body" });
    return { body: answer.Body, length: answer.ContentLength };
  }

  async #bucketMissing(bucket: string): Promise<boolean> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: bucket }));
      return false;
    } catch (error) {
      return readSdkError(error).status === 404;
    }
  }

  async #call<A>(
    place: { readonly bucket: string; readonly key?: string },
    send: () => Promise<A>,
    meanings: Readonly<Record<string, StoreErrorCode>> = {},
  ): Promise<A> {
    try {
      return await send();
    } catch (error) {
      throw toStoreError(error, place, meanings);
    }
  }
}

function isEmpty(place: Place, range: ByteRange | undefined): boolean {
  if (!range) return false;
  checkRange(place, range);
  return range.from === range.to;
}
