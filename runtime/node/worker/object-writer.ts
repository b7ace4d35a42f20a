import type { ObjectStore, Place, UploadedPart } from "../../../core/ports/index.ts";
import type { Meter } from "./meter.ts";

export interface ObjectWriterOptions {
  readonly objects: ObjectStore;
  readonly place: Place;
  /** Bytes of a part. */
  readonly partBytes: number;
  readonly meter: Meter;
}

/** Writes one object of any size in constant memory: one PUT up to the size of a part, above it by multipart upload. */
export class ObjectWriter {
  readonly #options: ObjectWriterOptions;
  /** Grows with what is written, up to a part, and is used again for each. */
  #buffer = Buffer.alloc(0);
  #filled = 0;
  #upload: { readonly id: string; readonly parts: UploadedPart[] } | null = null;

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { partBytes } = this.#options;
    let at = 0;
    while (at < bytes.length) {
      // Sent only when more comes: the last part may be of any size, but an upload without parts can't be completed.
      if (this.#filled === partBytes) await this.#sendPart();
      const count = Math.min(bytes.length - at, partBytes - this.#filled);
      this.#reserve(this.#filled + count);
      this.#buffer.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
    }
  }

  async finish(): Promise<{ readonly key: string; readonly etag: string }> {
    const { objects, place, meter } = this.#options;
    if (!this.#upload) {
      const { etag } = await meter.upload(this.#filled, () =>
        objects.put(place, this.#buffer.subarray(0, this.#filled)),
      );
      return { key: place.key, etag };
    }
    await this.#sendPart();
    const { id, parts } = this.#upload;
    const { etag } = await meter.upload(0, () => objects.completeUpload(place, id, parts));
    this.#upload = null;
    return { key: place.key, etag };
  }

  async abort(): Promise<void> {
    if (this.#upload) await this.#options.objects.abortUpload(this.#options.place, this.#upload.id);
    this.#upload = null;
  }

  async #sendPart(): Promise<void> {
    const { objects, place, meter } = this.#options;
    const upload = this.#upload ?? { id: (await objects.createUpload(place)).uploadId, parts: [] };
    this.#upload = upload;
    const body = this.#buffer.subarray(0, this.#filled);
    const part = await meter.upload(body.length, () =>
      objects.uploadPart(place, upload.id, upload.parts.length + 1, body),
    );
    upload.parts.push(part);
    this.#filled = 0;
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#options.partBytes, Math.max(size, this.#buffer.length * 2)));
    this.#buffer.copy(grown, 0, 0, this.#filled);
    this.#buffer = grown;
  }
}
