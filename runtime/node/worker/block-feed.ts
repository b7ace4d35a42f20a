import { BLOCK_BYTES, type FromThread, type ToThread } from "../messages.ts";

/** Blocks of one content on their way: 1 MiB. */
const MAX_BLOCKS = 16;

/** Sends streamed input in blocks: as many as the app keeps up with, in buffers that come back and are filled again. */
export class BlockFeed {
  readonly #post: (message: ToThread, transfer: ArrayBuffer[]) => void;
  /** Blocks by object of the first task's input that the app hasn't taken: only the first task is ever fed. */
  readonly #fed = new Map<number, number>();
  readonly #buffers: ArrayBuffer[] = [];

  constructor(post: (message: ToThread, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  hasRoom(object: number): boolean {
    return (this.#fed.get(object) ?? 0) < MAX_BLOCKS;
  }

  /** @param bytes at most a block's; they are copied */
  send(id: number, object: number, offset: number, bytes: Uint8Array): void {
    const buffer = this.#buffers.pop() ?? new ArrayBuffer(BLOCK_BYTES);
    new Uint8Array(buffer).set(bytes);
    this.#fed.set(object, (this.#fed.get(object) ?? 0) + 1);
    this.#post({ t: "block", id, object, offset, buffer, length: bytes.length }, [buffer]);
  }

  /** @param isCurrent the task is still the first one */
  takeBack({ object, buffer }: Extract<FromThread, { t: "consumed" }>, isCurrent: boolean): void {
    this.#buffers.push(buffer);
    if (isCurrent) this.#fed.set(object, (this.#fed.get(object) ?? 1) - 1);
  }

  /** The next task begins. */
  reset(): void {
    this.#fed.clear();
  }
}
