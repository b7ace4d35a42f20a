/** One PUT of a byte range of a file to a presigned link, streamed. */
import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf, TransferError } from "./errors.ts";
import { delayMs, TRANSFER_RETRIES } from "./retry.ts";

export interface FileRange {
  readonly path: string;
  readonly from: number;
  readonly bytes: number;
}

/** A connection over which nothing moves for so long is dead. */
const IDLE_MS = 60_000;

/**
 * Not by fetch: S3 refuses a body without Content-Length, which fetch doesn't send for a stream.
 * @returns the ETag
 * @throws TransferError when every attempt has failed, or the link is refused
 */
export async function putRange(url: string, range: FileRange): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const answer = await putOnce(url, range).catch((error: unknown) => ({ status: 0, why: reasonOf(error), etag: "" }));
    if (answer.status >= 200 && answer.status < 300) return answer.etag;
    const passing = answer.status === 0 || answer.status === 429 || answer.status >= 500;
    if (!passing || attempt === TRANSFER_RETRIES.attempts) {
      throw new TransferError({
        code: "UPLOAD_FAILED",
        message: `${range.path} could not be uploaded: ${answer.why}. Run the same command again.`,
        retryable: true,
      });
    }
    await sleep(delayMs(TRANSFER_RETRIES, attempt, Math.random));
  }
}

interface PutAnswer {
  readonly status: number;
  readonly why: string;
  readonly etag: string;
}

async function putOnce(url: string, { path, from, bytes }: FileRange): Promise<PutAnswer> {
  const target = new URL(url);
  const client = target.protocol === "https:" ? https : http;
  const request = client.request(target, { method: "PUT", headers: { "content-length": bytes }, timeout: IDLE_MS });
  request.on("timeout", () => request.destroy(new Error("the connection stood still for a minute")));
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once("response", resolve).once("error", reject);
  });
  const sent =
    bytes === 0 ? endOf(request) : pipeline(createReadStream(path, { start: from, end: from + bytes - 1 }), request);
  // A refusal may come before the last byte is sent: the answer counts, not the broken pipe.
  const [answer] = await Promise.all([answered, sent.catch(() => undefined)]);
  let text = "";
  for await (const piece of answer.setEncoding("utf8")) if (text.length < 2_000) text += String(piece);
  const status = answer.statusCode ?? 0;
  const [, code] = /<Code>(.*?)<\/Code>/.exec(text) ?? [];
  return { status, why: `the store answered ${status}${code ? ` ${code}` : ""}`, etag: answer.headers.etag ?? "" };
}

async function endOf(request: http.ClientRequest): Promise<void> {
  request.end();
}
