/** What an event bus delivers, seen: a rule whose target is a queue, which is read until it is empty. */
import * as z from "zod";
import { EVENTBRIDGE } from "../../adapters/eventbridge/index.ts";
import { callAwsJson, type JsonService } from "../../adapters/shared/aws-json.ts";

const SQS: JsonService = { name: "sqs", target: "AmazonSQS", version: "1.0" };

const delivered = z.object({
  source: z.string(),
  "detail-type": z.string(),
  time: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export type Delivered = z.infer<typeof delivered>;

const queue = z.object({ QueueUrl: z.string() });
const attributes = z.object({ Attributes: z.object({ QueueArn: z.string() }) });
const page = z.object({ Messages: z.array(z.object({ Body: z.string(), ReceiptHandle: z.string() })).nullish() });

export class BusProbe {
  readonly #name: string;
  #queueUrl = "";
  readonly #seen: Delivered[] = [];

  /** @param name of the queue and the rule: one that nobody else has */
  constructor(name: string) {
    this.#name = name;
  }

  async start(pattern: object): Promise<void> {
    const Name = this.#name;
    this.#queueUrl = queue.parse(await callAwsJson(SQS, "CreateQueue", { QueueName: Name })).QueueUrl;
    const asked = { QueueUrl: this.#queueUrl, AttributeNames: ["QueueArn"] };
    const { QueueArn } = attributes.parse(await callAwsJson(SQS, "GetQueueAttributes", asked)).Attributes;
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: QueueArn,
        },
      ],
    });
    await callAwsJson(SQS, "SetQueueAttributes", { QueueUrl: this.#queueUrl, Attributes: { Policy } });
    await callAwsJson(EVENTBRIDGE, "PutRule", { Name, EventPattern: JSON.stringify(pattern) });
    await callAwsJson(EVENTBRIDGE, "PutTargets", { Rule: Name, Targets: [{ Id: "probe", Arn: QueueArn }] });
  }

  /** Every delivery so far, a repeated event as often as it came. */
  async delivered(): Promise<readonly Delivered[]> {
    for (;;) {
      const asked = { QueueUrl: this.#queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 60 };
      const { Messages } = page.parse(await callAwsJson(SQS, "ReceiveMessage", asked));
      if (!Messages || Messages.length === 0) return this.#seen;
      for (const { Body, ReceiptHandle } of Messages) {
        this.#seen.push(delivered.parse(JSON.parse(Body)));
        await callAwsJson(SQS, "DeleteMessage", { QueueUrl: this.#queueUrl, ReceiptHandle });
      }
    }
  }

  async stop(): Promise<void> {
    await callAwsJson(EVENTBRIDGE, "RemoveTargets", { Rule: this.#name, Ids: ["probe"] });
    await callAwsJson(EVENTBRIDGE, "DeleteRule", { Name: this.#name });
    await callAwsJson(SQS, "DeleteQueue", { QueueUrl: this.#queueUrl });
  }
}
