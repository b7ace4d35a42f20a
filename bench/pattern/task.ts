/** The task of the usual pattern: declares one second of work and takes none, as the app it stands beside. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const TableName = process.env.TABLE;

export async function handler(event: { readonly run: string; readonly n: number }): Promise<null> {
  const task = `${event.run}#${event.n}`;
  await table.send(new PutCommand({ TableName, Item: { task, state: "QUEUED", createdAt: Date.now() } }));
  await change(task, "RUNNING", "startedAt");
  await change(task, "DONE", "endedAt");
  return null;
}

async function change(task: string, state: string, time: string): Promise<void> {
  const command = new UpdateCommand({
    TableName,
    Key: { task },
    UpdateExpression: "SET #state = :state, #time = :time",
    ExpressionAttributeNames: { "#state": "state", "#time": time },
    ExpressionAttributeValues: { ":state": state, ":time": Date.now() },
  });
  await table.send(command);
}
