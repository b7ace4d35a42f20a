import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { clientDefaults, lazily } from "../clients.ts";

/** Calls take single milliseconds; one that takes three seconds is lost. */
export const documentClient = lazily(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient(clientDefaults({ connection: 2_000, request: 5_000, idle: 10_000 })), {
    marshallOptions: { removeUndefinedValues: true },
  }),
);
