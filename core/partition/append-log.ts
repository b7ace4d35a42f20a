import type { ObjectStore, Place, UploadedPart } from "../ports/index.ts";

/** An object that holds everything written so far; immutable, named by a cursor. */
export interface LogPart {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
}

export interface LogPorts {
  readonly objects: ObjectStore;
  readonly bucket: string;
  /** The least bytes of a part but the last; also what is held in memory per part. */
  readonly partBytes: number;
  readonly partLimit: number;
  /** Most bytes of one UploadPartCopy. @default 5 GiB, S3's limit */
  readonly copyBytes?: number;
}

/** Parts that may be on their way at once: with the one being filled, 4 × 5 MiB of memory. */
const IN_FLIGHT = 3;
const TEXT_CHARACTERS = 64 * 1024;
const MAX_COPY = 5 * 1024 ** 3;

/**
 * An object of any size, written from front to end by several claims in turn. Each claim writes a whole object under a key
 * of its own, which begins with a server-side copy of its predecessor's: nothing that two claims share is ever written, so
 * that a zombie can't disturb its successor, and no upload outlives its claim. The same step keeps within `partLimit`.
 * Memory is bounded by a few parts; `write` never waits, so call `drain` whenever `full`.
 */
export class AppendLog {
  readonly #ports: LogPorts;
  readonly #key: string;
  #rolls = 0;
  #before: LogPart | null;
  #upload: { readonly place: Place; readonly uploadId: string } | undefined;
  #parts: UploadedPart[] = [];
  #sending: Promise<void>[] = [];
  #partNumber = 0;
  /** Bytes in parts of the upload, and bytes in `#held`. */
  #sent = 0;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Short lines, not yet encoded: a buffer for each of 200,000 would weigh more than their text. */
  #text = "";
  #touched = false;

  /** @param before what the predecessor left, or null at the very beginning */
  constructor(ports: LogPorts, key: string, before: LogPart | null) {
    this.#ports = ports;
    this.#key = key;
    this.#before = before;
  }

  /** Bytes written so far, the predecessors' included. */
  get size(): number {
    return (this.#upload ? 0 : (this.#before?.size ?? 0)) + this.#sent + this.#heldBytes;
  }

  get full(): boolean {
    return this.#heldBytes >= this.#ports.partBytes;
  }

  write(data: string | Uint8Array): void {
    this.#touched = true;
    this.#heldBytes += Buffer.byteLength(data);
    if (typeof data === "string") this.#text += data;
    if (typeof data !== "string" || this.#text.length > TEXT_CHARACTERS) this.#encode();
    if (typeof data !== "string") this.#held.push(data);
  }

  /** Sends what makes whole parts. */
  async drain(): Promise<void> {
    while (this.full) {
      const upload = await this.#open();
      const [part, rest] = this.#take();
      this.#hold(rest);
      await this.#send(upload, part);
      if (this.#partNumber >= this.#ports.partLimit - 1) await this.#roll();
    }
  }

  /** Ends the object. The log can't be written any more. */
  async seal(): Promise<LogPart> {
    if (!this.#touched && this.#before) return this.#before;
    if (!this.#upload && this.#before && this.#before.size >= this.#ports.partBytes) await this.#open();
    if (this.#upload) return this.#complete(this.#upload);
    await this.#prependSmall();
    const body = this.#takeAll();
    const { etag } = await this.#ports.objects.put(this.#place(), body);
    return { key: this.#place().key, etag, size: body.length };
  }

  /** After a failure: no upload is left behind. */
  async discard(): Promise<void> {
    await Promise.allSettled(this.#sending);
    if (this.#upload) await this.#ports.objects.abortUpload(this.#upload.place, this.#upload.uploadId);
    this.#upload = undefined;
  }

  async #open() {
    if (this.#upload) return this.#upload;
    const place = this.#place();
    const before = this.#before;
    if (before && before.size < this.#ports.partBytes) await this.#prependSmall();
    const { uploadId } = await this.#ports.objects.createUpload(place);
    this.#upload = { place, uploadId };
    if (before && before.size >= this.#ports.partBytes) await this.#copy(this.#upload, before);
    return this.#upload;
  }

  /** A predecessor too small to be a part goes to the front of what is held. */
  async #prependSmall(): Promise<void> {
    if (!this.#before) return;
    const { key, etag, size } = this.#before;
    if (size > 0) {
      const bytes = await this.#ports.objects.get({ bucket: this.#ports.bucket, key }, { ifMatch: etag });
      this.#held.unshift(bytes);
      this.#heldBytes += bytes.length;
    }
    this.#before = null;
  }

  async #copy(upload: { readonly place: Place; readonly uploadId: string }, before: LogPart): Promise<void> {
    const { objects, bucket, copyBytes = MAX_COPY } = this.#ports;
    const pieces = Math.ceil(before.size / copyBytes);
    for (let i = 0; i < pieces; i++) {
      const range = { from: Math.floor((before.size / pieces) * i), to: Math.floor((before.size / pieces) * (i + 1)) };
      const source = { bucket, key: before.key, etag: before.etag, ...(pieces > 1 ? { range } : {}) };
      this.#parts.push(await objects.uploadPartCopy(upload.place, upload.uploadId, ++this.#partNumber, source));
    }
    this.#sent += before.size;
    this.#before = null;
  }

  async #send(upload: { readonly place: Place; readonly uploadId: string }, part: Uint8Array): Promise<void> {
    const number = ++this.#partNumber;
    this.#sent += part.length;
    const sending = this.#ports.objects
      .uploadPart(upload.place, upload.uploadId, number, part)
      .then((done) => void this.#parts.push(done));
    // The failure is met where the promise is awaited; without this it would count as unhandled until then.
    sending.catch(() => undefined);
    this.#sending.push(sending);
    if (this.#sending.length >= IN_FLIGHT) await this.#sending.shift();
  }

  /** The upload has no room for another part but the last: it becomes the predecessor of the next one. */
  async #roll(): Promise<void> {
    if (!this.#upload) return;
    const held = this.#takeAll();
    this.#before = await this.#complete(this.#upload);
    this.#rolls++;
    this.#hold(held);
  }

  async #complete(upload: { readonly place: Place; readonly uploadId: string }): Promise<LogPart> {
    if (this.#heldBytes > 0) await this.#send(upload, this.#takeAll());
    await Promise.all(this.#sending);
    const size = this.#sent;
    const parts = [...this.#parts].sort((a, b) => a.partNumber - b.partNumber);
    const { etag } = await this.#ports.objects.completeUpload(upload.place, upload.uploadId, parts, { size });
    this.#upload = undefined;
    this.#parts = [];
    this.#sending = [];
    this.#partNumber = 0;
    this.#sent = 0;
    return { key: upload.place.key, etag, size };
  }

  /** Cuts exactly one part off what is held. */
  #take(): readonly [Uint8Array, Uint8Array] {
    const all = this.#takeAll();
    return [all.subarray(0, this.#ports.partBytes), all.subarray(this.#ports.partBytes)];
  }

  #takeAll(): Uint8Array {
    this.#encode();
    const all = this.#held.length === 1 && this.#held[0] ? this.#held[0] : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return all;
  }

  #encode(): void {
    if (this.#text === "") return;
    this.#held.push(Buffer.from(this.#text));
    this.#text = "";
  }

  #hold(rest: Uint8Array): void {
    this.#held = rest.length > 0 ? [rest] : [];
    this.#heldBytes = rest.length;
  }

  #place(): Place {
    const { bucket } = this.#ports;
    return { bucket, key: this.#rolls === 0 ? this.#key : `${this.#key}.${this.#rolls}` };
  }
}
