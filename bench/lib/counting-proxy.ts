/** A proxy between the deployed functions and the emulator that counts the requests which name a job. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listFunctions, setEndpoint } from "./functions.ts";

export interface CountingProxy {
  readonly url: string;
  /** Requests so far that carry the text in path, query or body; each with method, service and path. */
  readonly named: (text: string) => readonly string[];
  /** Requests of any kind so far. */
  readonly total: () => number;
  /** Keeps back requests whose body carries the text: a network that is slow just there. @returns how to let them pass */
  readonly hold: (text: string) => () => void;
  readonly close: () => Promise<void>;
}

interface Seen {
  readonly what: string;
  readonly body: string;
}

export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  const seen: Seen[] = [];
  const held = new Map<string, Promise<void>>();
  const server = createServer((incoming, answer) => {
    forward(endpoint, incoming, answer, async (body) => {
      const target = incoming.headers["x-amz-target"] ?? "";
      seen.push({ what: `${incoming.method} ${String(target)} ${incoming.url}`, body });
      for (const [text, released] of held) if (body.includes(text)) await released;
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    named: (text) =>
      seen.filter(({ what, body }) => what.includes(text) || body.includes(text)).map(({ what }) => what),
    total: () => seen.length,
    hold: (text) => {
      let release = (): void => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      held.set(text, released);
      return () => {
        held.delete(text);
        release();
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(
  endpoint: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  onBody: (text: string) => Promise<void>,
): void {
  const { hostname, port } = new URL(endpoint);
  const { method, url: path, headers } = incoming;
  const parts: Buffer[] = [];
  incoming.on("data", (part: Buffer) => parts.push(part));
  incoming.on("end", async () => {
    const body = Buffer.concat(parts);
    await onBody(body.toString("latin1"));
    const outgoing = request({ hostname, port, method, path, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    outgoing.on("error", () => answer.destroy());
    outgoing.end(body);
  });
}

/**
 * Sends the requests of all functions whose names begin so through the proxy.
 * @returns how to undo it
 */
export async function throughProxy(proxy: CountingProxy, functions: string): Promise<() => Promise<void>> {
  const names = (await listFunctions()).flatMap(({ FunctionName: name }) => (name?.startsWith(functions) ? name : []));
  for (const name of names) await setEndpoint(name, proxy.url);
  return async () => {
    for (const name of names) await setEndpoint(name, undefined);
  };
}
