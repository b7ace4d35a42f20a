/**
 * The wire between a deployed stack's functions and the emulator, with a meter on it: each function reaches the emulator
 * through a port of its own, so that every request is known by its sender, its price class and the units it took.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { listFunctions, type Route, redirect } from "./functions.ts";
import { forward, Latches, type ProxyPort, passOn, startProxy } from "./proxy.ts";
import { type Call, s3CallOf, serviceOf, unitsOf } from "./wire-call.ts";

export class Wire {
  readonly #endpoint: string;
  readonly #ports = new Map<string, ProxyPort>();
  readonly #latches = new Latches();
  #calls: Call[] = [];

  /** @param endpoint the emulator's */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** All requests since the last `reset`, in the order in which they were answered. */
  get calls(): readonly Call[] {
    return this.#calls;
  }

  reset(): void {
    this.#calls = [];
  }

  /** Keeps back what a function sends. @returns how to let it pass */
  hold(from: string): () => void {
    return this.#latches.hold(from);
  }

  /** Where a function reaches the emulator. */
  async portOf(from: string): Promise<string> {
    const known = this.#ports.get(from);
    if (known) return known.url;
    const port = await startProxy(async (incoming, body, answer) => {
      await this.#latches.passed((held) => held === from);
      this.#forward(from, incoming, body, answer);
    });
    this.#ports.set(from, port);
    return port.url;
  }

  async close(): Promise<void> {
    for (const port of this.#ports.values()) await port.close();
  }

  #forward(
    from: string,
    { method = "GET", url: path = "/", headers }: IncomingMessage,
    body: Buffer,
    answer: ServerResponse,
  ) {
    const url = new URL(path, this.#endpoint);
    const service = serviceOf(headers.authorization, url.searchParams);
    const sent = service === "dynamodb" ? asking(headers, body) : { headers, body };
    forward(this.#endpoint, { method, path, ...sent }, answer, (reply) => {
      const status = reply.statusCode ?? 502;
      if (service === "dynamodb") {
        answer.writeHead(status, reply.headers);
        const parts: Buffer[] = [];
        reply.on("data", (part: Buffer) => parts.push(part));
        reply.on("end", () => {
          this.#calls.push(dynamoCall(from, headers, sent.body, status, Buffer.concat(parts)));
          answer.end(Buffer.concat(parts));
        });
        return;
      }
      const kind = service === "s3" ? s3CallOf(method, url) : { action: actionOf(method, headers, path) };
      this.#calls.push({ from, service, status, detail: `${method} ${path}`, writeUnits: 0, readUnits: 0, ...kind });
      passOn(reply, answer);
    });
  }
}

/** The same request, but asking what it consumes. The emulator checks no signature. */
function asking(headers: IncomingHttpHeaders, body: Buffer): { headers: IncomingHttpHeaders; body: Buffer } {
  const asks = Buffer.from(JSON.stringify({ ...JSON.parse(body.toString()), ReturnConsumedCapacity: "INDEXES" }));
  return { headers: { ...headers, "content-length": String(asks.length) }, body: asks };
}

const targetOf = (headers: IncomingHttpHeaders): string =>
  String(headers["x-amz-target"] ?? "")
    .split(".")
    .at(-1) ?? "";
const actionOf = (method: string, headers: IncomingHttpHeaders, path: string): string =>
  targetOf(headers) || `${method} ${path.split("?")[0]}`;

function dynamoCall(from: string, headers: IncomingHttpHeaders, sent: Buffer, status: number, answer: Buffer): Call {
  const action = targetOf(headers);
  const text = sent.toString();
  const sortKeys = [...text.matchAll(/"sk":\{"S":"([^"#]+)/g)].map(([, key]) => key);
  const units = unitsOf(action, JSON.parse(text), status, JSON.parse(answer.toString() || "{}"));
  return { from, service: "dynamodb", action, detail: sortKeys.join(" "), status, ...units };
}

/**
 * Puts the meter between a stack's functions and the emulator.
 * @param nameOf the short name of a function of the stack, undefined for others
 * @returns how to undo it
 */
export async function meter(
  wire: Wire,
  nameOf: (functionName: string) => string | undefined,
): Promise<() => Promise<void>> {
  const names = (await listFunctions()).flatMap(({ FunctionName: full = "" }) => {
    const short = nameOf(full);
    return short === undefined ? [] : [{ full, short }];
  });
  if (names.length === 0) throw new Error("The stack has no function to put the meter on.");
  const routes: Route[] = [];
  for (const { full, short } of names) routes.push({ name: full, endpoint: await wire.portOf(short) });
  return redirect(routes);
}
