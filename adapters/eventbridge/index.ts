import * as z from "zod";
import type { BusEvent, EventBusPort, UnsentEvent } from "../../core/ports/index.ts";
import { AwsJsonError, callAwsJson, type JsonService } from "../shared/aws-json.ts";
import { retrying } from "../shared/retry.ts";

export const EVENTBRIDGE: JsonService = { name: "events", target: "AWSEvents", version: "1.1" };

export interface EventBridgeBusOptions {
  /** Name of the bus. @default "default" */
  readonly bus?: string;
  /** Tries of an event before it is answered as unsent, and the first wait in ms. @default 5, 100 */
  readonly tries?: number;
  readonly baseMs?: number;
}

/** Entries of one call. Source: "PutEvents". */
const MAX_ENTRIES = 10;
/** Of these one knows that the event itself is wrong: it would be refused again. Source: "PutEvents", failure reasons. */
const REFUSED: ReadonlySet<string> = new Set(["MalformedDetail", "InvalidArgument", "InvalidEventPattern"]);

const putAnswer = z.object({
  Entries: z.array(z.object({ EventId: z.string().nullish(), ErrorCode: z.string().nullish() })),
});

/**
 * The EventBusPort on EventBridge. We use one action of its API: the service's client would weigh more than all the rest of
 * the function. PutEvents names the entries it didn't take: only those are sent again.
 */
export class EventBridgeBus implements EventBusPort {
  readonly #bus: string;
  readonly #retry: { readonly tries: number; readonly baseMs: number };

  constructor(options: EventBridgeBusOptions = {}) {
    this.#bus = options.bus ?? "default";
    this.#retry = { tries: options.tries ?? 5, baseMs: options.baseMs ?? 100 };
  }

  async send(events: readonly BusEvent[]): Promise<readonly UnsentEvent[]> {
    const unsent: UnsentEvent[] = [];
    for (let at = 0; at < events.length; at += MAX_ENTRIES) {
      const chunk = events.slice(at, at + MAX_ENTRIES).map((event, i) => ({ event, index: at + i }));
      unsent.push(...(await this.#sendAll(chunk)));
    }
    return unsent;
  }

  async #sendAll(chunk: readonly Indexed[]): Promise<readonly UnsentEvent[]> {
    const refused: UnsentEvent[] = [];
    let left = chunk;
    let failed: readonly UnsentEvent[] = [];
    const attempt = async () => {
      failed = await this.#once(left);
      refused.push(...failed.filter(({ retryable }) => !retryable));
      failed = failed.filter(({ retryable }) => retryable);
      left = left.filter(({ index }) => failed.some((one) => one.index === index));
      if (left.length > 0) throw new StillUnsent();
    };
    try {
      await retrying(attempt, (error) => error instanceof StillUnsent, this.#retry);
    } catch (error) {
      if (!(error instanceof StillUnsent)) throw error;
    }
    return [...refused, ...failed].sort((a, b) => a.index - b.index);
  }

  /** A call that failed as a whole may have been taken all the same: those events come twice, with the same id. */
  async #once(chunk: readonly Indexed[]): Promise<readonly UnsentEvent[]> {
    const all = (code: string) => chunk.map(({ index }) => ({ index, code, retryable: true }));
    try {
      const answer = putAnswer.safeParse(
        await callAwsJson(EVENTBRIDGE, "PutEvents", { Entries: chunk.map(({ event }) => this.#entry(event)) }),
      );
      if (!answer.success || answer.data.Entries.length !== chunk.length) return all("AnswerUnreadable");
      const { Entries } = answer.data;
      return chunk.flatMap(({ index }, i) => {
        const code = Entries[i]?.ErrorCode;
        return code ? [{ index, code, retryable: !REFUSED.has(code) }] : [];
      });
    } catch (error) {
      if (!(error instanceof AwsJsonError)) throw error;
      return all(error.reason);
    }
  }

  #entry({ source, detailType, at, detail }: BusEvent) {
    return {
      EventBusName: this.#bus,
      Source: source,
      DetailType: detailType,
      // Seconds since the epoch, as AWS JSON writes times.
      Time: Math.floor(at / 1_000),
      Detail: JSON.stringify(detail),
    };
  }
}

interface Indexed {
  readonly event: BusEvent;
  readonly index: number;
}

/** Some of a call's events are to be sent again. */
class StillUnsent extends Error {}
