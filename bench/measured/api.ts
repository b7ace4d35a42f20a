/**
 * The API's handler on ports in memory, and a bare Hono handler that gives the same bytes: what the suite `api` times. Bundled
 * before it runs, as the function is.
 */
import type { APIGatewayProxyEvent } from "aws-lambda";
import { Hono } from "hono/tiny";
import {
  ManualClock,
  MemoryNudge,
  MemoryObjectStore,
  MemoryTable,
  MemoryWorkflow,
} from "../../adapters/memory/index.ts";
import { JsonLog, systemIds } from "../../adapters/system/index.ts";
import { ownerWrites } from "../../core/auth/owners.ts";
import type { Item } from "../../core/ports/index.ts";
import { DEFAULT_SETTINGS } from "../../core/steps/context.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { builtInCatalog } from "../../lambdas/api/catalog.ts";
import type { ApiPorts } from "../../lambdas/api/context.ts";
import { bindingsOf, requestOf, resultOf } from "../../lambdas/api/gateway-event.ts";

export const OWNER = "bench";
export const BASE = "/v1/customer/jobs";
export const DRAFT = {
  templateId: "numbers",
  dataSource: { dataSourceDescriptor: "bypass" },
  params: { partitioner: { range: "1-10" }, app: {}, assembler: {} },
};

type Table = ApiPorts["table"];

/** Everything but the table: what create, get and list of jobs without uploads never touch is in memory. */
export function portsOn(table: Table): ApiPorts {
  const clock = new ManualClock();
  const ids = systemIds;
  const never = async (): Promise<never> => {
    throw new Error("The bench signs nobody in.");
  };
  return {
    table,
    clock,
    ids,
    objects: new MemoryObjectStore({ buckets: ["data"], clock }),
    // Lines are made, but not written: what a write costs depends on who reads.
    log: new JsonLog({ write: () => {}, clock }),
    workflow: new MemoryWorkflow(),
    nudge: new MemoryNudge(),
    catalog: builtInCatalog,
    settings: { ...DEFAULT_SETTINGS, bucket: "data", region: "eu-central-1", grantedBuckets: [] },
    sleep: async () => {},
    auth: {
      table,
      clock,
      ids,
      tokens: { sign: never, verify: never },
      tokenSeconds: 3_600,
      sha256: (text) => text,
      randomText: () => "",
      adminKey: never,
    },
    version: "0",
    bytenite: false,
  };
}

export type Call = (
  method: string,
  path: string,
  options?: {
    readonly body?: unknown;
    readonly query?: Record<string, string>;
    readonly headers?: Record<string, string>;
  },
) => Promise<{ readonly statusCode: number; readonly body: string }>;

/** The handler as the gateway calls it, for one owner who is signed in. */
export function caller(ports: ApiPorts, owner: string): Call {
  const app = createApi(ports);
  return async (method, path, options = {}) => {
    const event = eventOf(method, path, owner, options);
    return resultOf(await app.fetch(requestOf(event), bindingsOf(event)));
  };
}

/** An API whose table holds these items of the owner's jobs. */
export async function apiWith(items: Iterable<Item>): Promise<Call> {
  const table = new MemoryTable();
  const ports = portsOn(table);
  for (const item of items) await table.write({ put: item });
  await table.transact(ownerWrites(ports, OWNER));
  return caller(ports, OWNER);
}

/** The least that a user of Hono would write: the route and an answer that is there already, behind the same gateway's events. */
export function bareHono(answer: unknown): Call {
  const app = new Hono();
  app.get(`${BASE}/:id`, (c) => c.json(answer));
  return async (method, path, options = {}) => {
    const event = eventOf(method, path, OWNER, options);
    return resultOf(await app.fetch(requestOf(event)));
  };
}

function eventOf(
  httpMethod: string,
  path: string,
  owner: string,
  { body, query, headers }: NonNullable<Parameters<Call>[2]>,
): APIGatewayProxyEvent {
  const requestContext = {
    requestId: "bench",
    authorizer: { owner, keyId: "K", tokenId: "T", expiresAt: "4102444800000" },
  };
  return {
    httpMethod,
    path,
    resource: "/{proxy+}",
    headers: { accept: "application/json", authorization: "Bearer x", ...headers },
    multiValueHeaders: {},
    queryStringParameters: query ?? null,
    multiValueQueryStringParameters: null,
    pathParameters: null,
    stageVariables: null,
    body: body === undefined ? null : JSON.stringify(body),
    isBase64Encoded: false,
    requestContext: requestContext as unknown as APIGatewayProxyEvent["requestContext"],
  };
}
