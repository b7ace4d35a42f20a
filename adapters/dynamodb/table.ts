import { randomUUID } from "node:crypto";
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { JobJobError } from "../../core/errors.ts";
import type { Item, Key, QueryInput, QueryPage, Table, Write } from "../../core/ports/index.ts";
import { mapAtMost, retrying } from "../shared/retry.ts";
import {
  checkKey,
  checkQuery,
  checkTransaction,
  checkWrite,
  keyText,
  queryNames,
  readQueryCursor,
  writeQueryCursor,
} from "../shared/table-rules.ts";
import { documentClient } from "./client.ts";
import { tableError, worthRetrying } from "./errors.ts";
import { Expression } from "./expression.ts";
import { deleteOf, putOf, transactItem, updateOf } from "./requests.ts";

export interface DynamoTableOptions {
  readonly name: string;
  /** @default one per process */
  readonly client?: DynamoDBDocumentClient;
  /** Told the capacity units of each call that reports them; without it they aren't asked for. */
  readonly onConsumed?: (method: string, units: number) => void;
}

/** Keys of one BatchGetItem. Source: "BatchGetItem". */
const BATCH_KEYS = 100;

/** The Table port on DynamoDB. Conflicts and throttles are retried with full jitter, 8 tries within about 10 s. */
export class DynamoTable implements Table {
  readonly #name: string;
  readonly #client: DynamoDBDocumentClient;
  readonly #onConsumed: ((method: string, units: number) => void) | undefined;

  constructor(options: DynamoTableOptions) {
    this.#name = options.name;
    this.#client = options.client ?? documentClient();
    this.#onConsumed = options.onConsumed;
  }

  async get(key: Key, options: { readonly consistent?: boolean } = {}): Promise<Item | undefined> {
    checkKey(key);
    const command = new GetCommand({
      ...this.#base(),
      Key: { pk: key.pk, sk: key.sk },
      ConsistentRead: options.consistent ?? false,
    });
    const answer = await this.#call("get", () => this.#client.send(command));
    return answer.Item as Item | undefined;
  }

  async batchGet(keys: readonly Key[], options: { readonly consistent?: boolean } = {}): Promise<readonly Item[]> {
    keys.forEach(checkKey);
    const distinct = [...new Map(keys.map(({ pk, sk }) => [keyText({ pk, sk }), { pk, sk }])).values()];
    const pages = Array.from({ length: Math.ceil(distinct.length / BATCH_KEYS) }, (_, i) =>
      distinct.slice(i * BATCH_KEYS, (i + 1) * BATCH_KEYS),
    );
    const found = (await mapAtMost(4, pages, (page) => this.#batch(page, options.consistent ?? false))).flat();
    const byKey = new Map(found.map((item) => [keyText(item), item]));
    return keys.flatMap((key) => byKey.get(keyText(key)) ?? []);
  }

  async query(input: QueryInput): Promise<QueryPage> {
    checkQuery(input);
    const names = queryNames(input.index);
    const expression = new Expression();
    const conditions = [`${expression.path(names.pk)} = ${expression.value(input.pk)}`];
    if (input.prefix !== undefined && input.prefix !== "") {
      conditions.push(`begins_with(${expression.path(names.sk)}, ${expression.value(input.prefix)})`);
    }
    if (input.between) {
      const [low, high] = input.between.map((bound) => expression.value(bound));
      conditions.push(`${expression.path(names.sk)} BETWEEN ${low} AND ${high}`);
    }
    const { cursor } = input;
    const command = new QueryCommand({
      ...this.#base(),
      KeyConditionExpression: conditions.join(" AND "),
      ...expression.placeholders(),
      ScanIndexForward: !input.reverse,
      ...(input.index === undefined ? { ConsistentRead: input.consistent ?? false } : { IndexName: input.index }),
      ...(input.limit === undefined ? {} : { Limit: input.limit }),
      ...(cursor === undefined ? {} : { ExclusiveStartKey: readQueryCursor({ ...input, cursor }) }),
    });
    const answer = await this.#call("query", () => this.#client.send(command));
    const items = (answer.Items ?? []) as Item[];
    const last = answer.LastEvaluatedKey;
    return last ? { items, cursor: writeQueryCursor(last, input.index) } : { items };
  }

  async write(write: Write): Promise<void> {
    checkWrite(write);
    // DynamoDB has no plain check.
    if ("check" in write) return this.transact([write]);
    await this.#call<Consumption>("write", () => {
      if ("put" in write) return this.#client.send(new PutCommand({ ...this.#base(), ...putOf(write) }));
      if ("update" in write) return this.#client.send(new UpdateCommand({ ...this.#base(), ...updateOf(write) }));
      return this.#client.send(new DeleteCommand({ ...this.#base(), ...deleteOf(write) }));
    });
  }

  async transact(writes: readonly Write[], token?: string): Promise<void> {
    checkTransaction(writes, token);
    const { TableName, ...consumed } = this.#base();
    const command = new TransactWriteCommand({
      ...consumed,
      TransactItems: writes.map((write) => transactItem(TableName, write)),
      // Always one, so that a retry of ours or of the SDK after a lost answer counts once.
      ClientRequestToken: token ?? randomUUID(),
    });
    await this.#call("transact", () => this.#client.send(command));
  }

  /** One page of keys; what DynamoDB leaves unprocessed is asked for again, with the same patience as a throttle. */
  async #batch(page: readonly Key[], consistent: boolean): Promise<readonly Item[]> {
    const items: Item[] = [];
    let keys: Record<string, unknown>[] = page.map((key) => ({ ...key }));
    await retrying(
      async () => {
        const command = new BatchGetCommand({
          RequestItems: { [this.#name]: { Keys: keys, ConsistentRead: consistent } },
          ...(this.#onConsumed ? { ReturnConsumedCapacity: "TOTAL" as const } : {}),
        });
        const answer = await this.#call("batchGet", () => this.#client.send(command));
        items.push(...((answer.Responses?.[this.#name] ?? []) as Item[]));
        keys = answer.UnprocessedKeys?.[this.#name]?.Keys ?? [];
        if (keys.length > 0) throw new Unprocessed(keys.length);
      },
      (error) => error instanceof Unprocessed,
    );
    return items;
  }

  #base() {
    return { TableName: this.#name, ...(this.#onConsumed ? { ReturnConsumedCapacity: "TOTAL" as const } : {}) };
  }

  async #call<A extends Consumption>(method: string, send: () => Promise<A>): Promise<A> {
    const answer = await retrying(async () => {
      try {
        return await send();
      } catch (error) {
        throw tableError(error);
      }
    }, worthRetrying);
    const consumed = answer.ConsumedCapacity;
    const units = (Array.isArray(consumed) ? consumed : [consumed]).reduce(
      (sum, c) => sum + (c?.CapacityUnits ?? 0),
      0,
    );
    if (units > 0) this.#onConsumed?.(method, units);
    return answer;
  }
}

interface Units {
  readonly CapacityUnits?: number | undefined;
}
interface Consumption {
  readonly ConsumedCapacity?: Units | readonly Units[] | undefined;
}

class Unprocessed extends JobJobError {
  constructor(left: number) {
    super({
      code: "TABLE_UNAVAILABLE",
      message: `The table is throttled: ${left} items of a batch were left unread; try again.`,
      retryable: true,
    });
  }
}
