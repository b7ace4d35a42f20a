/**
 * The port on S3. A `Place` names any object the deployment may reach; its own bucket's name comes from configuration.
 * Every method throws JobJobError: OBJECT_MISSING, BUCKET_MISSING, ACCESS_DENIED (also a missing object in a bucket that
 * may not be listed), PRECONDITION_FAILED (an If-Match or If-None-Match did not hold; a write with If-Match where no object
 * is too), UPLOAD_MISSING (the multipart upload is gone), PARTS_INVALID (no parts, out of order, unknown, too small, too
 * many), SIZE_MISMATCH, RANGE_INVALID, STORE_REQUEST_INVALID (a key over 1,024 bytes, …), and STORE_UNAVAILABLE (retryable)
 * after the port's own retries.
 */
export interface Place {
  readonly bucket: string;
  readonly key: string;
}
export interface ObjectInfo extends Place {
  /** Bytes. */
  readonly size: number;
  /** With its quotes, as S3 gives it. */
  readonly etag: string;
  readonly versionId?: string;
  /** RFC 3339 UTC. */
  readonly lastModified?: string;
}
/** `[from, to)` in bytes. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}
export interface Precondition {
  readonly ifMatch?: string;
  /** Refused when any object is there. */
  readonly ifNoneMatch?: "*";
}
export interface PutOptions extends Precondition {
  readonly contentType?: string;
}
export interface CompleteOptions extends Precondition {
  /** Bytes of the whole object; refused with SIZE_MISMATCH, and nothing appears, when the parts add up to another size. */
  readonly size?: number;
}
export interface UploadedPart {
  readonly partNumber: number;
  readonly etag: string;
}
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  readonly cursor?: string;
}
export interface PresignOptions {
  /** Seconds, ≤ 3,600. */
  readonly expiresIn: number;
  /** The file's name that a browser saves under. */
  readonly downloadName?: string;
}

export interface ObjectStore {
  head(place: Place): Promise<ObjectInfo>;
  /** The whole body, or one range of it. A range that ends past the end is cut, one that begins there is RANGE_INVALID; an empty range gives no bytes without a call. */
  get(place: Place, options?: { readonly range?: ByteRange; readonly ifMatch?: string }): Promise<Uint8Array>;
  /** The body as a stream of blocks, with backpressure; ends with an error if the connection breaks. */
  stream(place: Place, options?: { readonly range?: ByteRange; readonly ifMatch?: string }): AsyncIterable<Uint8Array>;
  put(place: Place, body: Uint8Array | string, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** Objects in byte order of their keys, ≤ 1,000 a page. `after` starts behind that key. */
  list(
    bucket: string,
    prefix: string,
    options?: { readonly cursor?: string; readonly limit?: number; readonly after?: string },
  ): Promise<ListPage>;
  /** Any number of keys; missing ones are fine. */
  delete(bucket: string, keys: readonly string[]): Promise<void>;

  createUpload(place: Place, options?: { readonly contentType?: string }): Promise<{ readonly uploadId: string }>;
  /** Numbers 1 – 10,000; 5 MiB – 5 GiB but for the last part; a part number sent again replaces the part. */
  uploadPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array): Promise<UploadedPart>;
  /** PRECONDITION_FAILED when the source's etag is another; a range only of a source over 5 MiB, and within it. */
  uploadPartCopy(
    place: Place,
    uploadId: string,
    partNumber: number,
    source: Place & { readonly etag: string; readonly range?: ByteRange },
  ): Promise<UploadedPart>;
  /**
   * `parts` in rising order of their numbers; one empty part makes an empty object. Repeated after it took effect it
   * answers the same etag or UPLOAD_MISSING: then look at the object.
   */
  completeUpload(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    options?: CompleteOptions,
  ): Promise<{ readonly etag: string }>;
  /** Fine when the upload is gone already. */
  abortUpload(place: Place, uploadId: string): Promise<void>;
  /** Uploads under way whose key begins with `prefix`. */
  listUploads(
    bucket: string,
    prefix: string,
  ): Promise<readonly (Place & { readonly uploadId: string; readonly initiated: string })[]>;

  presignGet(place: Place, options: PresignOptions): Promise<string>;
  /** Accepts any Content-Type and Content-Disposition of the caller. */
  presignPut(place: Place, options: { readonly expiresIn: number }): Promise<string>;
  presignPart(
    place: Place,
    uploadId: string,
    partNumber: number,
    options: { readonly expiresIn: number },
  ): Promise<string>;
}
