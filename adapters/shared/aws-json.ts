/** Actions of AWS services that speak AWS JSON, for the few of which we need no client of their own. */
import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";

const TIMEOUT_MS = 10_000;

export interface JsonService {
  /** As it is signed, and the first part of its host name: "events". */
  readonly name: string;
  /** The first part of X-Amz-Target: "AWSEvents". */
  readonly target: string;
  readonly version: "1.0" | "1.1";
}

/** `reason` is the service's own word, or "NoAnswer"; `retryable` when it may pass. */
export class AwsJsonError extends Error {
  override readonly name = "AwsJsonError";
  readonly reason: string;
  readonly retryable: boolean;
  constructor(action: string, reason: string, retryable: boolean, message: string, cause?: unknown) {
    super(`${action}: ${reason}${message ? `: ${message}` : ""}`, cause === undefined ? {} : { cause });
    this.reason = reason;
    this.retryable = retryable;
  }
}

/**
 * One action, signed by the SDK's own signer, tried once. Reaches an emulator by AWS_ENDPOINT_URL, as the SDK's clients do.
 * @throws AwsJsonError
 */
export async function callAwsJson(
  service: JsonService,
  action: string,
  body: object,
): Promise<Readonly<Record<string, unknown>>> {
  const url = endpointOf(service);
  const text = JSON.stringify(body);
  const headers = {
    host: url.host,
    "content-type": `application/x-amz-json-${service.version}`,
    "x-amz-target": `${service.target}.${action}`,
  };
  const { protocol, hostname, pathname: path } = url;
  const signed = await signerOf(service).sign({ method: "POST", protocol, hostname, path, headers, body: text });
  // `host` is signed, and fetch sets it by itself.
  const { host: _, ...sent } = signed.headers;
  let status: number;
  let answered: string;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(url, { method: "POST", headers: sent, body: text, signal });
    status = answer.status;
    answered = await answer.text();
  } catch (cause) {
    throw new AwsJsonError(action, "NoAnswer", true, "", cause);
  }
  const value = parse(answered);
  if (status < 300 && value) return value;
  // `com.amazonaws.…#ThrottlingException`
  const reason = String(value?.__type ?? status).replace(/^.*#/, "");
  const passing = status >= 500 || status === 429 || status < 300 || /Throttl|TooManyRequests|Internal/.test(reason);
  throw new AwsJsonError(action, reason, passing, String(value?.message ?? value?.Message ?? ""));
}

const regionOf = (): string => process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? "us-east-1";

function endpointOf({ name }: JsonService): URL {
  const region = regionOf();
  const own = `https://${name}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  return new URL(process.env.AWS_ENDPOINT_URL ?? own);
}

function signerOf({ name }: JsonService): SignatureV4 {
  const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_SESSION_TOKEN } = process.env;
  return new SignatureV4({
    service: name,
    region: regionOf(),
    sha256: Sha256,
    // A Lambda's credentials stand in its environment, always.
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    },
  });
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

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = text === "" ? {} : JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // not JSON: the status says what happened
  }
}
