import { MessageChannel } from "node:worker_threads";

/** A port whose other side is closed: what is sent there is dropped, and the memory that goes with it is free at once. */
const nowhere = new MessageChannel();
nowhere.port2.close();

/**
 * Gives up bytes that nobody looks at any more. The collector would let tens of megabytes of them gather, since it sees small
 * objects only. Bytes that share their memory with others are left to it.
 */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) nowhere.port1.postMessage(null, [buffer]);
}
