import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import { createApi } from "./app.ts";
import { bindingsOf, requestOf, resultOf } from "./gateway-event.ts";
import { apiPorts } from "./ports.ts";

let app: ReturnType<typeof createApi> | undefined;

export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  app ??= createApi(apiPorts());
  return resultOf(await app.fetch(requestOf(event), bindingsOf(event)));
}
