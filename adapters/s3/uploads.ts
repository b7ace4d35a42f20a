import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { JobJobError } from "../../core/errors.ts";
import type { ByteRange, CompleteOptions, ObjectInfo, Place, UploadedPart } from "../../core/ports/index.ts";
import { readSdkError } from "../shared/sdk-error.ts";
import { checkKeyLength, checkPartNumber, checkParts, checkRange, storeError } from "../shared/store-rules.ts";
import { toStoreError } from "./errors.ts";
import { copySource, rangeHeader } from "./names.ts";

type CopySource = Place & { readonly etag: string; readonly range?: ByteRange };
type PendingUpload = Place & { readonly uploadId: string; readonly initiated: string };

/** Multipart uploads on S3. */
export class S3Uploads {
  readonly #client: S3Client;
  readonly #head: (place: Place) => Promise<ObjectInfo>;

  constructor(client: S3Client, head: (place: Place) => Promise<ObjectInfo>) {
    this.#client = client;
    this.#head = head;
  }

  async create(place: Place, options: { readonly contentType?: string }): Promise<{ readonly uploadId: string }> {
    checkKeyLength(place);
    const command = new CreateMultipartUploadCommand({
      Bucket: place.bucket,
      Key: place.key,
      ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
    });
    try {
      const { UploadId } = await this.#client.send(command);
      return { uploadId: UploadId ?? "" };
    } catch (error) {
      throw toStoreError(error, place);
    }
  }

  async part(place: Place, uploadId: string, partNumber: number, body: Uint8Array): Promise<UploadedPart> {
    checkPartNumber(place, partNumber);
    const command = new UploadPartCommand({
      Bucket: place.bucket,
      Key: place.key,
      UploadId: uploadId,
      PartNumber: partNumber,
      Body: body,
    });
    try {
      const { ETag } = await this.#client.send(command);
      return { partNumber, etag: ETag ?? "" };
    } catch (error) {
      throw toStoreError(error, place);
    }
  }

  async partCopy(place: Place, uploadId: string, partNumber: number, source: CopySource): Promise<UploadedPart> {
    checkPartNumber(place, partNumber);
    if (source.range) checkRange(source, source.range);
    if (source.range && source.range.from === source.range.to) throw storeError("RANGE_INVALID", source);
    const command = new UploadPartCopyCommand({
      Bucket: place.bucket,
      Key: place.key,
      UploadId: uploadId,
      PartNumber: partNumber,
      CopySource: copySource(source),
      CopySourceIfMatch: source.etag,
      ...(source.range === undefined ? {} : { CopySourceRange: rangeHeader(source.range) }),
    });
    try {
      const { CopyPartResult } = await this.#client.send(command);
      return { partNumber, etag: CopyPartResult?.ETag ?? "" };
    } catch (error) {
      if (readSdkError(error).name === "NoSuchUpload") throw toStoreError(error, place);
      // What S3 calls a bad argument or request here is the range: past the end, or of a source of 5 MiB or less.
      const meaning = source.range ? "RANGE_INVALID" : "STORE_REQUEST_INVALID";
      throw toStoreError(error, source, { InvalidArgument: meaning, InvalidRequest: meaning });
    }
  }

  async complete(
    place: Place,
    uploadId: string,
    parts: readonly UploadedPart[],
    options: CompleteOptions,
  ): Promise<{ readonly etag: string }> {
    checkParts(place, parts);
    const command = new CompleteMultipartUploadCommand({
      Bucket: place.bucket,
      Key: place.key,
      UploadId: uploadId,
      MultipartUpload: { Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag })) },
      ...(options.size === undefined ? {} : { MpuObjectSize: options.size }),
      ...(options.ifMatch === undefined ? {} : { IfMatch: options.ifMatch }),
      ...(options.ifNoneMatch === undefined ? {} : { IfNoneMatch: options.ifNoneMatch }),
    });
    try {
      const { ETag } = await this.#client.send(command);
      return { etag: ETag ?? "" };
    } catch (error) {
      const etag = await this.#ownEarlierAttempt(place, parts, error);
      if (etag !== undefined) return { etag };
      throw toStoreError(error, place, {
        NoSuchKey: "PRECONDITION_FAILED",
        ...(options.size === undefined ? {} : { InvalidRequest: "SIZE_MISMATCH" }),
      });
    }
  }

  async abort(place: Place, uploadId: string): Promise<void> {
    try {
      await this.#client.send(
        new AbortMultipartUploadCommand({ Bucket: place.bucket, Key: place.key, UploadId: uploadId }),
      );
    } catch (error) {
      const found = toStoreError(error, place);
      if (found.code !== "UPLOAD_MISSING" && found.code !== "OBJECT_MISSING") throw found;
    }
  }

  async list(bucket: string, prefix: string): Promise<readonly PendingUpload[]> {
    const uploads: PendingUpload[] = [];
    let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
    while (marker) {
      try {
        const answer: ListMultipartUploadsCommandOutput = await this.#client.send(
          new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }),
        );
        for (const { Key, UploadId, Initiated } of answer.Uploads ?? []) {
          const initiated = Initiated?.toISOString() ?? "";
          uploads.push({ bucket, key: Key ?? "", uploadId: UploadId ?? "", initiated });
        }
        const { NextKeyMarker, NextUploadIdMarker } = answer;
        marker =
          answer.IsTruncated && NextKeyMarker !== undefined
            ? {
                KeyMarker: NextKeyMarker,
                ...(NextUploadIdMarker ? { UploadIdMarker: NextUploadIdMarker } : {}),
              }
            : undefined;
      } catch (error) {
        throw toStoreError(error, { bucket });
      }
    }
    return uploads;
  }

  /**
   * The SDK repeats a completion whose answer was lost; the repeat then finds the upload gone, or the destination taken,
   * by itself. It is ours if the object has the etag that S3 makes of these very parts.
   */
  async #ownEarlierAttempt(place: Place, parts: readonly UploadedPart[], error: unknown): Promise<string | undefined> {
    const { attempts, name } = readSdkError(error);
    if (attempts < 2 || (name !== "NoSuchUpload" && name !== "PreconditionFailed")) return undefined;
    try {
      const { etag } = await this.#head(place);
      return etag === joinedEtag(parts) ? etag : undefined;
    } catch (cause) {
      if (cause instanceof JobJobError && cause.code === "OBJECT_MISSING") return undefined;
      throw cause;
    }
  }
}

/** S3's etag of a multipart object: the MD5 of its parts' MD5s, and their number (not with customer-managed encryption). */
function joinedEtag(parts: readonly UploadedPart[]): string {
  const digests = parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ""), "hex"));
  return `"${createHash("md5").update(Buffer.concat(digests)).digest("hex")}-${parts.length}"`;
}
