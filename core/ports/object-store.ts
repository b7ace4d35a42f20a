/**
 * The port on S3. A `Place` names any object the deployment may reach; its own bucket's name comes from configuration.
 * Every method throws JobJobError: OBJECT_MISSING, BUCKET_MISSING, ACCESS_DENIED, PRECONDITION_FAILED (an If-Match or
 * If-None-Match did not hold), UPLOAD_MISSING (the multipart upload is gone), RANGE_INVALID, and STORE_UNAVAILABLE
 * (retryable) after the port's own retries.
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
  /** The whole body, or one range of it. A range past the end is cut; an empty range gives no bytes without a call. */
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
  /** 5 MiB – 5 GiB but for the last part; a part number sent again replaces the part. */
  uploadPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array): Promise<UploadedPart>;
  uploadPartCopy(
    place: Place,
    uploadId: string,
    partNumber: number,
    source: Place & { readonly etag: string; readonly range?: ByteRange },
  ): Promise<UploadedPart>;
  completeUpload(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    precondition?: Precondition,
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
