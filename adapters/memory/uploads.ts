import { createHash } from "node:crypto";
import type { Place, UploadedPart } from "../../core/ports/index.ts";
import { compareBytes } from "../shared/byte-order.ts";
import { checkPartNumber, checkParts, storeError } from "../shared/store-rules.ts";

export interface Upload extends Place {
  readonly uploadId: string;
  /** RFC 3339 UTC. */
  readonly initiated: string;
  readonly contentType: string | undefined;
  readonly parts: Map<number, { readonly etag: string; readonly body: Uint8Array }>;
}

/** What the etag of a body is made of. S3 takes MD5; that of joined parts is an MD5 of theirs in any case. */
export type Digest = (body: Uint8Array) => Buffer;
export const md5: Digest = (body) => createHash("md5").update(body).digest();
export const quoted = (hex: string): string => `"${hex}"`;

/** Multipart uploads under way, with S3's rules for joining their parts. */
export class Uploads {
  readonly #uploads = new Map<string, Upload>();
  readonly #minPartBytes: number;
  readonly #maxParts: number;
  readonly #digest: Digest;
  #made = 0;

  constructor(options: { readonly minPartBytes: number; readonly maxParts: number; readonly digest: Digest }) {
    this.#minPartBytes = options.minPartBytes;
    this.#maxParts = options.maxParts;
    this.#digest = options.digest;
  }

  create(place: Place, initiated: string, contentType: string | undefined): Upload {
    const uploadId = `upload-${++this.#made}`;
    const upload: Upload = { bucket: place.bucket, key: place.key, uploadId, initiated, contentType, parts: new Map() };
    this.#uploads.set(uploadId, upload);
    return upload;
  }

  /** @throws JobJobError UPLOAD_MISSING */
  find(place: Place, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload?.bucket !== place.bucket || upload.key !== place.key) throw storeError("UPLOAD_MISSING", place);
    return upload;
  }

  addPart(place: Place, uploadId: string, partNumber: number, body: Uint8Array): UploadedPart {
    const upload = this.find(place, uploadId);
    checkPartNumber(place, partNumber, this.#maxParts);
    const etag = quoted(this.#digest(body).toString("hex"));
    // Not slice(): a Buffer's shares its memory.
    upload.parts.set(partNumber, { etag, body: new Uint8Array(body) });
    return { partNumber, etag };
  }

  /** The joined body and S3's etag for it: the MD5 of the parts' MD5s, and their number. Changes nothing. */
  join(upload: Upload, parts: readonly UploadedPart[]): { readonly body: Uint8Array; readonly etag: string } {
    const refuse = (why: string) => storeError("PARTS_INVALID", upload, { why });
    checkParts(upload, parts);
    const bodies = parts.map(({ partNumber, etag }) => {
      const part = upload.parts.get(partNumber);
      if (part?.etag !== etag) throw refuse(`InvalidPart: ${partNumber}`);
      return part.body;
    });
    const small = bodies.slice(0, -1).findIndex((body) => body.length < this.#minPartBytes);
    if (small >= 0) throw refuse(`EntityTooSmall: part ${parts[small]?.partNumber}`);
    const digest = md5(Buffer.concat(bodies.map(this.#digest))).toString("hex");
    return { body: new Uint8Array(Buffer.concat(bodies)), etag: quoted(`${digest}-${parts.length}`) };
  }

  remove(uploadId: string): void {
    this.#uploads.delete(uploadId);
  }

  list(bucket: string, prefix: string): readonly Upload[] {
    return [...this.#uploads.values()]
      .filter((upload) => upload.bucket === bucket && upload.key.startsWith(prefix))
      .sort((a, b) => compareBytes(a.key, b.key));
  }
}
