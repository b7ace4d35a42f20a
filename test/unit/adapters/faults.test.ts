import { describe, expect, it } from "vitest";
import {
  Crash,
  conflict,
  MemoryObjectStore,
  MemoryTable,
  type Moment,
  withFaults,
} from "../../../adapters/memory/index.ts";

const key = { pk: "p", sk: "s" };

describe("withFaults", () => {
  it("keeps a call from taking place when the hook throws before it", async () => {
    const table = new MemoryTable();
    const flaky = withFaults(table, ({ when, method }) => {
      if (when === "before" && method === "transact") throw conflict(2, 1);
    });

    await expect(flaky.transact([{ put: key }, { put: { pk: "p", sk: "t" } }])).rejects.toMatchObject({
      code: "WRITE_REFUSED",
      reasons: ["none", "conflict"],
      retryable: true,
    });
    expect(table.size).toBe(0);
  });

  it("loses the answer of a call that took effect when the hook throws after it", async () => {
    const table = new MemoryTable();
    const flaky = withFaults(table, ({ when, call }) => {
      if (when === "after" && call === 2) throw new Crash();
    });

    await flaky.write({ put: key });
    await expect(flaky.write({ put: { pk: "p", sk: "t" } })).rejects.toThrow(Crash);

    expect(table.size).toBe(2);
  });

  it("shows each call with its arguments and its outcome, and passes helpers through uncounted", async () => {
    const moments: Moment[] = [];
    const table = withFaults(new MemoryTable(), (moment) => void moments.push(moment), "table");

    await table.write({ put: key });
    await table.write({ put: key, if: { missing: "pk" } }).catch(() => undefined);
    expect(table.dump()).toEqual([key]);

    expect(moments.map(({ port, when, method, call }) => `${port} ${call} ${when} ${method}`)).toEqual([
      "table 1 before write",
      "table 1 after write",
      "table 2 before write",
      "table 2 after write",
    ]);
    expect(moments[0]?.args).toEqual([{ put: key }]);
    expect(moments[3]?.outcome).toMatchObject({ error: { reasons: ["condition"] } });
  });

  it("lets a hook order the calls of two actors", async () => {
    const table = new MemoryTable();
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = withFaults(table, ({ when }) => (when === "before" ? gate : undefined));

    const late = slow.write({ put: { ...key, by: "slow" } });
    await table.write({ put: { ...key, by: "fast" } });
    release();
    await late;

    expect((await table.get(key))?.by).toBe("slow");
  });

  it("breaks streams off", async () => {
    const store = new MemoryObjectStore({ blockBytes: 1 });
    await store.put({ bucket: "data", key: "k" }, "ab");
    const flaky = withFaults(store, ({ when, method }) => {
      if (when === "after" && method === "stream") throw new Crash();
    });
    let came = "";

    const read = async () => {
      for await (const block of flaky.stream({ bucket: "data", key: "k" })) came += Buffer.from(block).toString();
    };

    await expect(read()).rejects.toThrow(Crash);
    expect(came).toBe("ab");
  });
});

describe("MemoryTable's cost", () => {
  it("counts write units by 1 KB, twice in a transaction, plus what indexes change", async () => {
    const table = new MemoryTable();
    const units = async (act: () => Promise<void>) => {
      const before = table.stats.writeUnits;
      await act().catch(() => undefined);
      return table.stats.writeUnits - before;
    };
    const update = { update: key, changes: { set: { n: 2 } } };

    expect(await units(() => table.write({ put: { ...key, text: "x".repeat(1_100) } }))).toBe(2);
    expect(await units(() => table.transact([update]))).toBe(4);
    expect(await units(() => table.write({ ...update, if: { eq: ["n", 9] } }))).toBe(2);
    expect(await units(() => table.write({ put: { ...key, ownerPk: "o", ownerSk: "1" } }))).toBe(3);
    expect(await units(() => table.write({ update: key, changes: { set: { ownerSk: "2" } } }))).toBe(3);
    expect(await units(() => table.write({ update: key, changes: { set: { other: 1 } } }))).toBe(1);
    expect(await units(() => table.write({ delete: key }))).toBe(2);
  });

  it("counts read units by 4 KB, half when eventually consistent", async () => {
    const table = new MemoryTable();
    await table.write({ put: { ...key, text: "x".repeat(4_096) } });
    const units = async (act: () => Promise<unknown>) => {
      const before = table.stats.readUnits;
      await act();
      return table.stats.readUnits - before;
    };

    expect(await units(() => table.get(key, { consistent: true }))).toBe(2);
    expect(await units(() => table.get(key))).toBe(1);
    expect(await units(() => table.batchGet([key, { pk: "p", sk: "none" }], { consistent: true }))).toBe(3);
    expect(await units(() => table.query({ pk: "p" }))).toBe(1);
    expect(table.stats.calls).toEqual({ get: 2, batchGet: 1, query: 1, write: 1, transact: 0 });
  });

  it("forgets a transaction's token after ten minutes", async () => {
    let now = 0;
    const table = new MemoryTable({ clock: { now: () => now } });
    const add = () => table.transact([{ update: key, changes: { add: { n: 1 } } }], "token");
    await add();
    now = 10 * 60_000 - 1;
    await add();
    expect((await table.get(key))?.n).toBe(1);

    now++;
    await add();

    expect((await table.get(key))?.n).toBe(2);
  });
});
