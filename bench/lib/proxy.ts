/** What the proxies between functions and the emulator share: a server on a free port, and requests that are kept back. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

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
    incoming.on("end", () => {
      take(incoming, Buffer.concat(parts), answer).catch(() => answer.destroy());
    });
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
