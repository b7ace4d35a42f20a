import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { EventBridgeBus } from "../../adapters/eventbridge/index.ts";
import { JsonLog } from "../../adapters/system/index.ts";
import { type StreamAnswer, type StreamEvent, streamEvent } from "../../core/contracts/events.ts";
import { type EventsContext, publishEvents } from "../../core/events/publish.ts";
import { requireVariable } from "../environment.ts";
import { makeHandler, parserOf } from "../handler.ts";

/** Timeline rows of the table's stream → EventBridge. What is thrown or named in the answer comes again (cdk/events.ts). */
export const handler = makeHandler<EventsContext, StreamEvent, StreamAnswer>({
  name: "events",
  parse: parserOf(streamEvent),
  context: () => ({
    table: new DynamoTable({ name: requireVariable("table") }),
    bus: new EventBridgeBus({ bus: requireVariable("eventBus") }),
    log: new JsonLog(),
  }),
  run: async (ctx, { Records }) => {
    const { unsent } = await publishEvents(ctx, Records);
    return { batchItemFailures: unsent.map((itemIdentifier) => ({ itemIdentifier })) };
  },
  describe: ({ batchItemFailures }) => ({ unsent: batchItemFailures.length }),
});
