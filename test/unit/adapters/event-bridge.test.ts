import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { EventBridgeBus } from "../../../adapters/eventbridge/index.ts";

interface Entry {
  readonly Detail: string;
  readonly EventBusName: string;
  readonly Time: number;
}
type Reply = (entries: readonly Entry[]) => { readonly status: number; readonly body: string } | undefined;

let server: Server;
let calls: { readonly entries: readonly Entry[]; readonly headers: Record<string, unknown> }[] = [];
let replies: Reply[] = [];

const ok: Reply = (entries) => answer(entries.map(() => undefined));
const answer = (codes: readonly (string | undefined)[]) => ({
  status: 200,
  body: JSON.stringify({ Entries: codes.map((code) => (code ? { ErrorCode: code } : { EventId: "e" })) }),
});

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        const { Entries } = JSON.parse(Buffer.concat(chunks).toString()) as { Entries: Entry[] };
        calls.push({ entries: Entries, headers: request.headers });
        const reply = (replies.shift() ?? ok)(Entries);
        if (reply) response.writeHead(reply.status).end(reply.body);
        else request.socket.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server has no address.");
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${address.port}`);
  vi.stubEnv("AWS_REGION", "eu-central-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("AWS_SESSION_TOKEN", "session");
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});
beforeEach(() => {
  calls = [];
  replies = [];
});

const events = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ source: "s", detailType: "t", at: 1_234_567, detail: { n } }));
const numbersOf = (entries: readonly Entry[]) => entries.map(({ Detail }) => (JSON.parse(Detail) as { n: number }).n);
const bus = new EventBridgeBus({ bus: "jobs", tries: 3, baseMs: 1 });

it("sends ten at a time to the named bus, signed for EventBridge", async () => {
  expect(await bus.send(events(23))).toEqual([]);

  expect(calls.map(({ entries }) => entries.length)).toEqual([10, 10, 3]);
  expect(calls.flatMap(({ entries }) => numbersOf(entries))).toEqual(Array.from({ length: 23 }, (_, n) => n));
  expect(calls[0]?.entries[0]).toMatchObject({ EventBusName: "jobs", Time: 1_234 });
  expect(calls[0]?.headers).toMatchObject({
    "x-amz-target": "AWSEvents.PutEvents",
    "content-type": "application/x-amz-json-1.1",
    "x-amz-security-token": "session",
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/events\/aws4_request, SignedHeaders=.*host.*, Signature=[0-9a-f]{64}$/,
    ),
  });
});

it("sends only those again that weren't taken", async () => {
  replies = [() => answer([undefined, "ThrottlingException", undefined, "InternalFailure"])];

  expect(await bus.send(events(4))).toEqual([]);

  expect(calls.map(({ entries }) => numbersOf(entries))).toEqual([
    [0, 1, 2, 3],
    [1, 3],
  ]);
});

it("answers those that are never taken, and doesn't try again what is refused for good", async () => {
  const throttle: Reply = (entries) => answer(entries.map((_, i) => (i === 0 ? "ThrottlingException" : undefined)));
  replies = [() => answer(["ThrottlingException", undefined, "MalformedDetail"]), throttle, throttle];

  const unsent = await bus.send(events(3));

  expect(unsent).toEqual([
    { index: 0, code: "ThrottlingException", retryable: true },
    { index: 2, code: "MalformedDetail", retryable: false },
  ]);
  expect(calls.map(({ entries }) => numbersOf(entries))).toEqual([[0, 1, 2], [0], [0]]);
});

it.each<[string, Reply, string]>([
  ["a fault of the service", () => ({ status: 500, body: "oops" }), "500"],
  ["a throttle", () => ({ status: 400, body: '{"__type":"a.b#ThrottlingException"}' }), "ThrottlingException"],
  [
    "a right that is missing",
    () => ({ status: 400, body: '{"__type":"AccessDeniedException"}' }),
    "AccessDeniedException",
  ],
  ["no answer", () => undefined, "NoAnswer"],
  ["an answer of another length", () => answer([undefined]), "AnswerUnreadable"],
])("%s of a call leaves its events to be sent again, and the others are sent", async (_name, reply, code) => {
  replies = [reply, reply, reply];

  const unsent = await bus.send(events(12));

  expect(unsent).toEqual(Array.from({ length: 10 }, (_, index) => ({ index, code, retryable: true })));
  expect(numbersOf(calls.at(-1)?.entries ?? [])).toEqual([10, 11]);
});

it("is patient: what passes before the tries are used up is no failure", async () => {
  replies = [() => undefined, () => ({ status: 503, body: "" })];

  expect(await bus.send(events(2))).toEqual([]);
  expect(calls).toHaveLength(3);
});
