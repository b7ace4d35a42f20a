import { type HistoryEvent, paginateGetExecutionHistory, type SFNClient } from "@aws-sdk/client-sfn";

/** All events of an execution, oldest first. */
export async function historyOf(client: SFNClient, executionArn: string): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const page of paginateGetExecutionHistory({ client, pageSize: 1_000 }, { executionArn })) {
    events.push(...(page.events ?? []));
  }
  return events;
}
