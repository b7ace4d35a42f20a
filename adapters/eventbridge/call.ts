import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { JobJobError } from "../../core/errors.ts";
import { lazily } from "../clients.ts";

const TIMEOUT_MS = 10_000;

/** `reason` is EventBridge's own word for what went wrong. */
export class EventBridgeError extends JobJobError {
  readonly reason: string;
  constructor(action: string, reason: string, retryable: boolean, message: string, cause?: unknown) {
    super({
      code: "EVENT_BUS_UNAVAILABLE",
      message: `EventBridge didn't do ${action} (${reason}): ${message || "no answer in time"}`,
      retryable,
      ...(cause === undefined ? {} : { cause }),
    });
    this.reason = reason;
  }
}

/** The signer's hash: keyed, it is an HMAC. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHmac> | ReturnType<typeof createHash>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

const signer = lazily(
  () =>
    new SignatureV4({
      service: "events",
      region: regionOf(),
      sha256: Sha256,
      // A Lambda's credentials stand in its environment, always.
      credentials: async () => ({
        accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "",
        secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "",
        ...(process.env.AWS_SESSION_TOKEN ? { sessionToken: process.env.AWS_SESSION_TOKEN } : {}),
      }),
    }),
);

const regionOf = (): string => process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? "us-east-1";

function endpointOf(): URL {
  const given = process.env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? process.env.AWS_ENDPOINT_URL;
  const region = regionOf();
  return new URL(given ?? `https://events.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`);
}

/**
 * One action of EventBridge's API (AWS JSON 1.1), signed by the SDK's own signer, tried once. We use one action of it: the
 * service's client would weigh more than all the rest of the function.
 * @throws EventBridgeError
 */
export async function callEventBridge(action: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const url = endpointOf();
  const text = JSON.stringify(body);
  const headers = {
    host: url.host,
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `AWSEvents.${action}`,
  };
  const path = url.pathname;
  const { protocol, hostname } = url;
  const signed = await signer().sign({ method: "POST", protocol, hostname, path, headers, body: text });
  let answer: Response;
  let answered: string;
  try {
    // `host` is signed, and fetch sets it by itself.
    const { host: _, ...sent } = signed.headers;
    answer = await fetch(url, { method: "POST", headers: sent, body: text, signal: AbortSignal.timeout(TIMEOUT_MS) });
    answered = await answer.text();
  } catch (cause) {
    throw new EventBridgeError(action, "NoAnswer", true, "", cause);
  }
  const value = parse(answered);
  if (answer.ok && value) return value;
  // `com.amazonaws.…#ThrottlingException`
  const name = String(value?.__type ?? answer.status)
    .split("#")
    .at(-1);
  const passing = answer.status >= 500 || answer.status === 429 || /Throttl|TooManyRequests|Internal/.test(name ?? "");
  throw new EventBridgeError(action, name ?? "", passing, String(value?.message ?? value?.Message ?? ""));
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = text === "" ? {} : JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // not JSON: the status says what happened
  }
}
