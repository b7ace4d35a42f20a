/** A proxy between the deployed functions and the emulator that counts the requests which name a job. */
import { listFunctions, redirect } from "./functions.ts";
import { forward, Latches, type ProxyPort, passOn, startProxy } from "./proxy.ts";

export interface CountingProxy extends ProxyPort {
  /** Requests so far that carry the text in path, query or body; each with method, service and path. */
  readonly named: (text: string) => readonly string[];
  /** Requests of any kind so far. */
  readonly total: () => number;
  /** Keeps back requests whose body carries the text: a network that is slow just there. @returns how to let them pass */
  readonly hold: (text: string) => () => void;
}

interface Seen {
  readonly what: string;
  readonly body: string;
}

export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  const seen: Seen[] = [];
  const latches = new Latches();
  const proxy = await startProxy(async ({ method, url: path, headers }, body, answer) => {
    const text = body.toString("latin1");
    seen.push({ what: `${method} ${String(headers["x-amz-target"] ?? "")} ${path}`, body: text });
    await latches.passed((held) => text.includes(held));
    forward(endpoint, { method, path, headers, body }, answer, (reply) => passOn(reply, answer));
  });
  return {
    ...proxy,
    named: (text) =>
      seen.filter(({ what, body }) => what.includes(text) || body.includes(text)).map(({ what }) => what),
    total: () => seen.length,
    hold: (text) => latches.hold(text),
  };
}

/**
 * Sends the requests of all functions whose names begin so through the proxy.
 * @returns how to undo it
 */
export async function throughProxy(proxy: CountingProxy, functions: string): Promise<() => Promise<void>> {
  const names = (await listFunctions()).flatMap(({ FunctionName: name }) => (name?.startsWith(functions) ? name : []));
  return redirect(names.map((name) => ({ name, endpoint: proxy.url })));
}
