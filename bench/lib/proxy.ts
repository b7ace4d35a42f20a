/** What the proxies between functions and the emulator share: a server on a free port, and requests that are kept back. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export interface ProxyPort {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** @param take gets each request with its whole body, and answers it */
export async function startProxy(
  take: (incoming: IncomingMessage, body: Buffer, answer: ServerResponse) => Promise<void>,
): Promise<ProxyPort> {
  const server = createServer((incoming, answer) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => void take(incoming, Buffer.concat(parts), answer));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Sent {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request on; where that fails, whoever waits for the answer sees its connection break. */
export function forward(
  endpoint: string,
  { body, ...head }: Sent,
  answer: ServerResponse,
  onReply: (reply: IncomingMessage) => void,
): void {
  const { hostname, port } = new URL(endpoint);
  const outgoing = request({ hostname, port, ...head }, onReply);
  outgoing.on("error", () => answer.destroy());
  outgoing.end(body);
}

/** A reply that breaks off breaks the answer off, too. */
export function passOn(reply: IncomingMessage, answer: ServerResponse): void {
  answer.writeHead(reply.statusCode ?? 502, reply.headers);
  pipeline(reply, answer, () => {});
}

/** Things that are kept back by name until they are let go. */
export class Latches {
  readonly #held = new Map<string, Promise<void>>();

  /** @returns how to let it go */
  hold(name: string): () => void {
    let release = (): void => {};
    this.#held.set(
      name,
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    );
    return () => {
      this.#held.delete(name);
      release();
    };
  }

  /** Resolves when nothing is held by a name that fits. */
  async passed(fits: (name: string) => boolean): Promise<void> {
    for (const [name, released] of this.#held) if (fits(name)) await released;
  }
}
