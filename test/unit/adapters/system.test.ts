import { describe, expect, it } from "vitest";
import { ManualClock, SeededIds } from "../../../adapters/memory/index.ts";
import { compareBytes } from "../../../adapters/shared/byte-order.ts";
import { JsonLog, redact, systemIds } from "../../../adapters/system/index.ts";
import { LOG_EVENTS } from "../../../core/contracts/log-events.ts";

describe("redact", () => {
  it("hides credentials by the name of their field, at any depth, and shows object keys", () => {
    const hidden = redact({
      key: "o/owner/a.csv",
      secretKey: "s",
      headers: { Authorization: "x", Cookie: "c" },
      list: [{ access_key: "a", apiKey: "k", token: "t", password: "p" }],
    });

    expect(hidden).toEqual({
      key: "o/owner/a.csv",
      secretKey: "[hidden]",
      headers: { Authorization: "[hidden]", Cookie: "[hidden]" },
      list: [{ access_key: "[hidden]", apiKey: "[hidden]", token: "[hidden]", password: "[hidden]" }],
    });
  });

  it("hides credentials within texts", () => {
    const text =
      "GET https://b/k?X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F1&X-Amz-Signature=abc123&x=1 Bearer abc.def eyJhbGciOiJ.eyJzdWI.sig";

    const shown = String(redact(text));

    expect(shown).toContain("https://b/k?");
    expect(shown).toContain("&x=1");
    for (const secret of ["AKIA", "abc123", "abc.def", "eyJ"]) expect(shown).not.toContain(secret);
  });

  it("survives cycles, errors with causes, bytes and very long texts", () => {
    const cycle: Record<string, unknown> = { n: 1 };
    cycle.self = cycle;
    const error = new Error("outer", { cause: new Error("token=abc") });

    const shown = JSON.stringify(redact({ cycle, error, bytes: new Uint8Array(3), long: "x".repeat(9_000), big: 1n }));

    expect(shown.length).toBeLessThan(12_000);
    expect(shown).toContain("outer");
    expect(shown).toContain("[3 bytes]");
    expect(shown).toContain("(9000 characters)");
  });
});

describe("JsonLog", () => {
  it("writes one line with its context", () => {
    const lines: string[] = [];
    const event = LOG_EVENTS.STEP_BROKE;
    const log = new JsonLog({ write: (line) => lines.push(line), clock: new ManualClock("2026-01-02T03:04:05Z") });

    log.with({ jobId: "j" }).warn(event, { error: { code: "X", message: "a\nb", retryable: true }, token: "t" });

    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        time: "2026-01-02T03:04:05.000Z",
        level: "warn",
        event,
        jobId: "j",
        error: { code: "X", message: "a\nb", retryable: true },
        token: "[hidden]",
      },
    ]);
    expect(lines[0]).not.toContain("\n");
  });
});

describe("ids", () => {
  it.each([
    ["systemIds", systemIds],
    ["SeededIds", new SeededIds(7)],
  ] as const)("%s are ULIDs that rise", (_, ids) => {
    const made = Array.from({ length: 1_000 }, () => ids.ulid());

    expect(made.every((id) => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id))).toBe(true);
    expect(new Set(made).size).toBe(1_000);
    expect([...made].sort()).toEqual(made);
  });

  it("are the same for the same seed", () => {
    const made = (seed: number) => {
      const ids = new SeededIds(seed, new ManualClock());
      return [ids.ulid(), ids.random(), ids.ulid()];
    };

    expect(made(3)).toEqual(made(3));
    expect(made(3)).not.toEqual(made(4));
  });
});

describe("compareBytes", () => {
  it("orders as the UTF-8 bytes do", () => {
    const texts = ["", "a", "a\u0000", "aé", "b", "é", "\ud7ff", "\ue000", "\uffee", "😀", "😀a", "𐀀"];

    for (const a of texts) {
      for (const b of texts) {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }
    }
  });
});
