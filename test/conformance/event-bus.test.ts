import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EventBridgeBus } from "../../adapters/eventbridge/index.ts";
import { MemoryEventBus } from "../../adapters/memory/index.ts";
import type { BusEvent, EventBusPort } from "../../core/ports/index.ts";
import { BusProbe } from "../helpers/bus-probe.ts";
import { describeOnEmulator, EMULATOR, itUnless, type Known, unique } from "./harness.ts";

const AT = Date.parse("2026-01-02T03:04:05.678Z");
const event = (source: string, n: number): BusEvent => ({
  source,
  detailType: "Conformance",
  at: AT + n * 1_000,
  detail: { id: `${source}-${n}`, n, text: 'ü "quoted" \\ \n', none: null, deep: { list: [1, 2.5, true] } },
});

interface BusUnderTest {
  readonly bus: EventBusPort;
  /** What the bus handed to a rule for this source. */
  readonly received: (source: string) => Promise<readonly BusEvent[]>;
  readonly source: string;
}

/** Every sentence of the EventBusPort. */
function busSuite(subject: () => BusUnderTest, known: Known = {}): void {
  it("takes any number of events, and answers that none is left", async () => {
    const { bus, received, source } = subject();
    const events = Array.from({ length: 23 }, (_, n) => event(source, n));

    const unsent = await bus.send(events);

    expect(unsent).toEqual([]);
    const byId = async () => {
      const all = await received(source);
      const ids = new Set(all.map(({ detail }) => detail.id));
      expect(ids.size).toBe(23);
      return all;
    };
    const all = await vi.waitFor(byId, { timeout: 30_000, interval: 250 });
    for (const sent of events) {
      const came = all.find(({ detail }) => detail.id === sent.detail.id);
      expect(came).toMatchObject({ source: sent.source, detailType: sent.detailType, detail: sent.detail });
    }
  });

  itUnless(known, "time", "an event has its own time, in whole seconds", async () => {
    const { bus, received, source } = subject();

    await bus.send([event(source, 50)]);

    const arrived = async () => {
      const came = (await received(source)).find(({ detail }) => detail.n === 50);
      expect(came).toBeDefined();
      return came;
    };
    const came = await vi.waitFor(arrived, { timeout: 30_000, interval: 250 });
    expect(Math.floor((came?.at ?? 0) / 1_000)).toBe(Math.floor(event(source, 50).at / 1_000));
  });

  it("takes none when there are none", async () => {
    expect(await subject().bus.send([])).toEqual([]);
  });
}

describe("MemoryEventBus", () => {
  const bus = new MemoryEventBus();
  busSuite(() => ({
    bus,
    source: "conformance",
    received: async (source) => bus.sent.filter((one) => one.source === source),
  }));

  it("names those it doesn't take", async () => {
    const picky = new MemoryEventBus();
    picky.refuse = ({ detail }) => (detail.n === 1 ? { code: "InternalFailure", retryable: true } : undefined);

    const unsent = await picky.send([0, 1, 2].map((n) => event("s", n)));

    expect(unsent).toEqual([{ index: 1, code: "InternalFailure", retryable: true }]);
    expect(picky.sent.map(({ detail }) => detail.n)).toEqual([0, 2]);
  });
});

describeOnEmulator("EventBridgeBus", () => {
  const source = unique("conformance");
  const probe = new BusProbe(source);
  beforeAll(() => probe.start({ source: [source] }));
  afterAll(() => probe.stop());

  busSuite(
    () => ({
      bus: new EventBridgeBus(),
      source,
      received: async () =>
        (await probe.delivered()).map((one) => ({
          source: one.source,
          detailType: one["detail-type"],
          at: Date.parse(one.time),
          detail: one.detail,
        })),
    }),
    EMULATOR === "ministack" ? { time: "MiniStack gives every event the time of its arrival" } : {},
  );

  itUnless(
    EMULATOR === "localstack" ? { refused: "LocalStack takes events in AWS's own name" } : {},
    "refused",
    "answers what the bus doesn't take: an event in AWS's own name",
    async () => {
      const unsent = await new EventBridgeBus({ tries: 2, baseMs: 1 }).send([event(source, 90), event("aws.ec2", 91)]);

      expect(unsent.map(({ index }) => index)).toEqual([1]);
    },
  );
});
