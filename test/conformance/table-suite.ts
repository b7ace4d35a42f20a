import { describe, expect, it } from "vitest";
import type { Changes, Condition, IndexName, Item, QueryInput, Table, Value, Write } from "../../core/ports/index.ts";
import { INDEXES, RefusedError } from "../../core/ports/index.ts";
import { errorOf, expectCode, itUnless, type Known, unique } from "./harness.ts";

const refusal = async (promise: Promise<unknown>): Promise<readonly string[]> => {
  const error = await errorOf(promise);
  if (!(error instanceof RefusedError)) throw error;
  return error.reasons;
};

async function walk(table: Table, input: QueryInput): Promise<{ items: Item[]; pages: number }> {
  const items: Item[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await table.query({ ...input, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  return { items, pages };
}

/** Every sentence of core/ports/table.ts. `table()` is asked for anew in each test; one table may serve them all. */
export function tableSuite(table: () => Table, known: Known = {}): void {
  const put = (item: Item) => table().write({ put: item });

  describe("get, batchGet", () => {
    it("gives back what was put, without undefined attributes", async () => {
      const key = { pk: unique("p"), sk: "ä 😀" };
      const value: Value = {
        text: "é\u0000\n",
        n: -1.5,
        big: 2 ** 53 - 1,
        no: false,
        nil: null,
        empty: "",
        list: [1, ["x", {}]],
        map: {},
      };
      await put({ ...key, value, gone: undefined });

      const found = await table().get(key, { consistent: true });

      expect(found).toStrictEqual({ ...key, value });
    });

    it("gives undefined for what isn't there", async () => {
      expect(await table().get({ pk: unique("p"), sk: "none" })).toBeUndefined();
      expect(await table().batchGet([])).toEqual([]);
    });

    it("reads any number of keys in their order, leaves out the missing and repeats the repeated", async () => {
      const pk = unique("p");
      const keys = Array.from({ length: 230 }, (_, i) => ({ pk, sk: String((i * 7) % 230) }));
      const there = keys.filter((_, i) => i % 3 !== 0);
      for (let i = 0; i < there.length; i += 100) {
        await table().transact(there.slice(i, i + 100).map((key) => ({ put: { ...key, n: Number(key.sk) } })));
      }
      const first = there[0] ?? { pk, sk: "" };

      const found = await table().batchGet([...keys, first], { consistent: true });

      expect(found.map(({ sk }) => sk)).toEqual([...there, first].map(({ sk }) => sk));
      expect(found.every(({ n, sk }) => n === Number(sk))).toBe(true);
    });

    it("doesn't share its items with the caller", async () => {
      const item = { pk: unique("p"), sk: "s", list: ["a"] };
      await put(item);
      item.list.push("b");

      const first = await table().get(item, { consistent: true });
      if (Array.isArray(first?.list)) first.list.push("c");

      expect((await table().get(item, { consistent: true }))?.list).toEqual(["a"]);
    });
  });

  describe("conditions", () => {
    const attributes = { n: 5, s: "b", yes: true, nil: null, m: { k: 1, deep: { s: "x" } }, list: [1], state: "RUN" };
    const cases: readonly (readonly [Condition, boolean, boolean])[] = [
      // condition, on the item, on a missing item
      [{ exists: "n" }, true, false],
      [{ exists: "pk" }, true, false],
      [{ exists: "nil" }, true, false],
      [{ exists: "m.deep.s" }, true, false],
      [{ exists: "m.none.s" }, false, false],
      [{ exists: "n.k" }, false, false],
      [{ missing: "none" }, true, true],
      [{ missing: "n" }, false, true],
      [{ missing: "pk" }, false, true],
      [{ eq: ["n", 5] }, true, false],
      [{ eq: ["n", "5"] }, false, false],
      [{ eq: ["yes", true] }, true, false],
      [{ eq: ["nil", null] }, true, false],
      [{ eq: ["none", null] }, false, false],
      [{ eq: ["state", "RUN"] }, true, false],
      [{ eq: ["m.k", 1] }, true, false],
      [{ ne: ["n", 4] }, true, true],
      [{ ne: ["n", 5] }, false, true],
      [{ ne: ["n", "5"] }, true, true],
      [{ ne: ["none", 5] }, true, true],
      [{ lt: ["n", 6] }, true, false],
      [{ lt: ["n", 5] }, false, false],
      [{ lt: ["none", 6] }, false, false],
      [{ lt: ["s", 6] }, false, false],
      [{ lt: ["s", "c"] }, true, false],
      [{ le: ["n", 5] }, true, false],
      [{ le: ["n", 4] }, false, false],
      [{ gt: ["n", 4.5] }, true, false],
      [{ gt: ["n", 5] }, false, false],
      [{ gt: ["none", -1] }, false, false],
      [{ ge: ["n", 5] }, true, false],
      [{ ge: ["s", "ba"] }, false, false],
      [{ gt: ["m.k", 0] }, true, false],
      [{ in: ["s", ["a", "b"]] }, true, false],
      [{ in: ["s", ["a"]] }, false, false],
      [{ in: ["none", ["a", null]] }, false, false],
      [{ not: { lt: ["none", 6] } }, true, true],
      [{ not: { exists: "n" } }, false, true],
      [{ all: [{ eq: ["n", 5] }, { eq: ["s", "b"] }] }, true, false],
      [{ all: [{ eq: ["n", 5] }, { eq: ["s", "z"] }] }, false, false],
      [{ any: [{ eq: ["n", 1] }, { missing: "none" }] }, true, true],
      [{ any: [{ eq: ["n", 1] }, { eq: ["s", "z"] }] }, false, false],
      [{ all: [{ any: [{ eq: ["n", 1] }, { eq: ["n", 5] }] }, { not: { eq: ["s", "z"] } }] }, true, false],
      [{ any: [{ all: [{ eq: ["n", 5] }, { eq: ["s", "z"] }] }, { eq: ["yes", false] }] }, false, false],
    ];

    it.each(cases)("%j holds on the item: %s, on a missing one: %s", async (condition, onItem, onMissing) => {
      const pk = unique("p");
      await put({ pk, sk: "there", ...attributes });
      const verdict = (sk: string) =>
        table()
          .transact([{ check: { pk, sk }, if: condition }])
          .then(() => true)
          .catch((error: unknown) => {
            if (error instanceof RefusedError) return false;
            throw error;
          });

      expect([await verdict("there"), await verdict("gone")]).toEqual([onItem, onMissing]);
    });

    it("compares texts by their UTF-8 bytes", async () => {
      const key = { pk: unique("p"), sk: "s" };
      await put({ ...key, s: "\uffee" });

      await table().write({ check: key, if: { lt: ["s", "😀"] } });
      expect(await refusal(table().write({ check: key, if: { gt: ["s", "😀"] } }))).toEqual(["condition"]);
    });

    it.each<[string, Condition]>([
      ["an empty all", { all: [] }],
      ["an empty any", { any: [] }],
      ["an empty in", { in: ["n", []] }],
      ["the order of booleans", { lt: ["n", true] }],
    ])("refuses %s as a defect", async (_, condition) => {
      await expectCode(table().write({ check: { pk: unique("p"), sk: "s" }, if: condition }), "TABLE_REQUEST_INVALID");
    });
  });

  describe("changes", () => {
    type Attributes = Readonly<Record<string, Value>>;
    const cases: readonly (readonly [string, Attributes | undefined, Changes, Attributes])[] = [
      ["sets", { a: 1 }, { set: { a: 2, b: "x" } }, { a: 2, b: "x" }],
      ["makes the item", undefined, { set: { a: 1 } }, { a: 1 }],
      ["sets within a map", { m: { k: 1 } }, { set: { "m.k": 2, "m.l": { x: [] } } }, { m: { k: 2, l: { x: [] } } }],
      ["replaces a map", { m: { k: 1 } }, { set: { m: {} } }, { m: {} }],
      ["adds", { n: 1, m: { k: 1 } }, { add: { n: 2, "m.k": -3 } }, { n: 3, m: { k: -2 } }],
      ["counts a missing number as 0", { m: {} }, { add: { n: 5, "m.k": 7 } }, { n: 5, m: { k: 7 } }],
      ["adds on a missing item", undefined, { add: { n: 5 } }, { n: 5 }],
      ["sets if missing", { a: 1 }, { setIfMissing: { a: 2, b: 3 } }, { a: 1, b: 3 }],
      ["keeps a null that is there", { a: null }, { setIfMissing: { a: 2 } }, { a: null }],
      ["removes", { a: 1, m: { k: 1, l: 2 } }, { remove: ["a", "m.k", "none"] }, { m: { l: 2 } }],
      [
        "does all at once with reserved words",
        { state: "A", size: 1, data: {} },
        { set: { state: "B" }, add: { size: 1 }, setIfMissing: { "data.x": 1 }, remove: ["name"] },
        { state: "B", size: 2, data: { x: 1 } },
      ],
    ];

    it.each(cases)("%s", async (_, before, changes, after) => {
      const key = { pk: unique("p"), sk: "s" };
      if (before) await put({ ...key, ...before });

      await table().write({ update: key, changes });

      expect(await table().get(key, { consistent: true })).toStrictEqual({ ...key, ...after });
    });

    const defects: readonly (readonly [string, Changes])[] = [
      ["a set in a map that isn't there", { set: { "none.k": 1 } }],
      ["an add in a map that isn't there", { add: { "none.k": 1 } }],
      ["a setIfMissing in a map that isn't there", { setIfMissing: { "none.k": 1 } }],
      ["a set in what is no map", { set: { "s.k": 1 } }],
      ["adding to a text", { add: { s: 1 } }],
      ["the same path twice", { set: { a: 1 }, add: { a: 1 } }],
      ["overlapping paths", { set: { m: {} }, add: { "m.k": 1 } }],
      ["changing the key", { set: { pk: "x" } }],
      ["no change at all", {}],
      ["NaN", { set: { a: Number.NaN } }],
      ["an unsafe integer", { set: { a: 2 ** 53 } }],
      ["an index key that is no text", { set: { ownerPk: 1 } }],
    ];
    for (const [name, changes] of defects) {
      itUnless(
        known,
        name,
        `refuses ${name} as a defect, alone and in a transaction, and changes nothing`,
        async () => {
          const key = { pk: unique("p"), sk: "s" };
          const item = { ...key, s: "text", m: { k: 1 } };
          await put(item);
          const write: Write = { update: key, changes };
          const other: Write = { put: { pk: key.pk, sk: "other" } };

          await expectCode(table().write(write), "TABLE_REQUEST_INVALID");
          await expectCode(table().transact([other, write]), "TABLE_REQUEST_INVALID");

          expect((await table().query({ pk: key.pk, consistent: true })).items).toStrictEqual([item]);
        },
      );
    }
  });

  describe("write", () => {
    it("puts, updates and deletes only on their condition", async () => {
      const key = { pk: unique("p"), sk: "s" };
      const fresh: Write = { put: { ...key, n: 1 }, if: { missing: "pk" } };

      await table().write(fresh);
      expect(await refusal(table().write(fresh))).toEqual(["condition"]);
      expect(await refusal(table().write({ update: key, changes: { add: { n: 1 } }, if: { eq: ["n", 2] } }))).toEqual([
        "condition",
      ]);
      await table().write({ update: key, changes: { add: { n: 1 } }, if: { eq: ["n", 1] } });
      expect(await refusal(table().write({ delete: key, if: { eq: ["n", 1] } }))).toEqual(["condition"]);
      expect((await table().get(key, { consistent: true }))?.n).toBe(2);
      await table().write({ delete: key, if: { eq: ["n", 2] } });

      expect(await table().get(key, { consistent: true })).toBeUndefined();
    });

    it("replaces the whole item and lets a missing one be deleted", async () => {
      const key = { pk: unique("p"), sk: "s" };
      await put({ ...key, a: 1 });
      await put({ ...key, b: 2 });
      await table().write({ delete: { pk: key.pk, sk: "none" } });

      expect(await table().get(key, { consistent: true })).toStrictEqual({ ...key, b: 2 });
    });

    it("takes an item just under 400 KB and refuses one over it", async () => {
      const pk = unique("p");
      await put({ pk, sk: "s", text: "x".repeat(400 * 1_024 - 100) });

      await expectCode(put({ pk, sk: "t", text: "x".repeat(400 * 1_024) }), "TABLE_REQUEST_INVALID");
      await expectCode(
        table().write({ update: { pk, sk: "s" }, changes: { set: { more: "x".repeat(200) } } }),
        "TABLE_REQUEST_INVALID",
      );
    });

    it("refuses keys that are empty or too long", async () => {
      await expectCode(put({ pk: "", sk: "s" }), "TABLE_REQUEST_INVALID");
      await expectCode(put({ pk: "p", sk: "" }), "TABLE_REQUEST_INVALID");
      await expectCode(put({ pk: "p", sk: "é".repeat(513) }), "TABLE_REQUEST_INVALID");
      await expectCode(put({ pk: "é".repeat(1_025), sk: "s" }), "TABLE_REQUEST_INVALID");
    });
  });

  describe("transact", () => {
    it("does all four kinds of write at once", async () => {
      const pk = unique("p");
      await table().transact([
        { put: { pk, sk: "a", n: 1 } },
        { put: { pk, sk: "b", n: 1 } },
        { put: { pk, sk: "c" } },
      ]);

      await table().transact([
        { update: { pk, sk: "a" }, changes: { add: { n: 1 } }, if: { eq: ["n", 1] } },
        { delete: { pk, sk: "b" }, if: { eq: ["n", 1] } },
        { check: { pk, sk: "c" }, if: { exists: "pk" } },
        { put: { pk, sk: "d" }, if: { missing: "pk" } },
      ]);

      const { items } = await table().query({ pk, consistent: true });
      expect(items).toStrictEqual([
        { pk, sk: "a", n: 2 },
        { pk, sk: "c" },
        { pk, sk: "d" },
      ]);
    });

    it("refuses as a whole, with one reason per write in their order", async () => {
      const pk = unique("p");
      await put({ pk, sk: "a", n: 1 });

      const error = await errorOf(
        table().transact([
          { update: { pk, sk: "a" }, changes: { add: { n: 1 } } },
          { put: { pk, sk: "b" }, if: { exists: "pk" } },
          { put: { pk, sk: "c" } },
          { check: { pk, sk: "d" }, if: { exists: "pk" } },
        ]),
      );

      if (!(error instanceof RefusedError)) throw error;
      expect(error.reasons).toEqual(["none", "condition", "none", "condition"]);
      expect([error.failedAt(0), error.failedAt(1), error.failedAt(3)]).toEqual([false, true, true]);
      expect(error).toMatchObject({ code: "WRITE_REFUSED", retryable: false });
      expect((await table().query({ pk, consistent: true })).items).toStrictEqual([{ pk, sk: "a", n: 1 }]);
    });

    it("counts a repeat with the same token once, and refuses other content under it", async () => {
      const key = { pk: unique("p"), sk: "s" };
      const token = unique("token");
      const add = (n: number): Write[] => [{ update: key, changes: { add: { n } } }];

      await table().transact(add(1), token);
      await table().transact(add(1), token);
      await expectCode(table().transact(add(2), token), "TABLE_REQUEST_INVALID");

      expect((await table().get(key, { consistent: true }))?.n).toBe(1);
    });

    it("judges a refused transaction anew under the same token", async () => {
      const key = { pk: unique("p"), sk: "s" };
      const token = unique("token");
      const writes: Write[] = [{ update: key, changes: { set: { n: 1 } }, if: { exists: "pk" } }];
      expect(await refusal(table().transact(writes, token))).toEqual(["condition"]);
      await put(key);

      await table().transact(writes, token);

      expect((await table().get(key, { consistent: true }))?.n).toBe(1);
    });

    it("takes 100 writes and refuses 101, none, doubled items and long tokens", async () => {
      const pk = unique("p");
      const writes = Array.from({ length: 101 }, (_, i): Write => ({ put: { pk, sk: String(i) } }));
      await table().transact(writes.slice(1));

      await expectCode(table().transact(writes), "TABLE_REQUEST_INVALID");
      await expectCode(table().transact([]), "TABLE_REQUEST_INVALID");
      await expectCode(table().transact(writes.slice(1), "x".repeat(37)), "TABLE_REQUEST_INVALID");
      const doubled: Write[] = [{ put: { pk, sk: "x" } }, { check: { pk, sk: "x" }, if: { exists: "pk" } }];
      await expectCode(table().transact(doubled), "TABLE_REQUEST_INVALID");

      expect((await table().query({ pk, consistent: true })).items).toHaveLength(100);
    });

    it("adds up exactly when twenty meet on one item", async () => {
      const key = { pk: unique("p"), sk: "s" };

      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          table().transact([{ update: key, changes: { add: { n: 1 } } }, { put: { pk: key.pk, sk: `t${i}` } }]),
        ),
      );

      expect((await table().get(key, { consistent: true }))?.n).toBe(20);
    });
  });

  describe("query", () => {
    const sks = ["a", "a#1", "a#10", "a#2", "b", "é", "\uffee", "😀"];
    const prepare = async () => {
      const pk = unique("p");
      await table().transact([...sks].reverse().map((sk) => ({ put: { pk, sk, n: 1 } })));
      return pk;
    };
    const keys = (page: { readonly items: readonly Item[] }) => page.items.map(({ sk }) => sk);

    it("gives whole items in the order of the sort keys' UTF-8 bytes, and backwards", async () => {
      const pk = await prepare();

      expect((await table().query({ pk, consistent: true })).items).toStrictEqual(sks.map((sk) => ({ pk, sk, n: 1 })));
      expect(keys(await table().query({ pk, reverse: true, consistent: true }))).toEqual([...sks].reverse());
      expect(await table().query({ pk: unique("none") })).toEqual({ items: [] });
    });

    it("cuts by prefix and by inclusive bounds", async () => {
      const pk = await prepare();

      expect(keys(await table().query({ pk, prefix: "a#", consistent: true }))).toEqual(["a#1", "a#10", "a#2"]);
      expect(keys(await table().query({ pk, prefix: "", consistent: true }))).toEqual(sks);
      expect(keys(await table().query({ pk, between: ["a#10", "é"], consistent: true }))).toEqual([
        "a#10",
        "a#2",
        "b",
        "é",
      ]);
      await expectCode(table().query({ pk, prefix: "a", between: ["a", "b"] }), "TABLE_REQUEST_INVALID");
    });

    it.each([1, 2, 4, 8, 9])("walks by pages of %i, forwards and backwards", async (limit) => {
      const pk = await prepare();

      expect(keys(await walk(table(), { pk, limit, consistent: true }))).toEqual(sks);
      expect(keys(await walk(table(), { pk, limit, reverse: true, consistent: true }))).toEqual([...sks].reverse());
      expect(keys(await walk(table(), { pk, limit, prefix: "a#", reverse: true, consistent: true }))).toEqual([
        "a#2",
        "a#10",
        "a#1",
      ]);
    });

    it("ends a page at 1 MB", async () => {
      const pk = unique("p");
      const text = "x".repeat(100_000);
      for (const i of Array(25).keys()) await put({ pk, sk: String(i).padStart(2, "0"), text });

      const first = await table().query({ pk, consistent: true });
      const all = await walk(table(), { pk, consistent: true });

      expect(first.items.length).toBeGreaterThan(8);
      expect(first.items.length).toBeLessThan(12);
      expect(all.items.map(({ sk }) => Number(sk))).toEqual([...Array(25).keys()]);
      expect(all.pages).toBe(3);
    });

    it("refuses a cursor that it didn't give out, also one of another partition", async () => {
      const pk = await prepare();
      const { cursor = "" } = await table().query({ pk, limit: 1 });

      await expectCode(table().query({ pk, cursor: "rubbish" }), "CURSOR_INVALID");
      await expectCode(table().query({ pk: unique("other"), cursor }), "CURSOR_INVALID");
      await expectCode(table().query({ pk, index: "byOwner", cursor }), "CURSOR_INVALID");
      await expectCode(table().query({ pk, limit: 0 }), "TABLE_REQUEST_INVALID");
    });
  });

  describe.each(Object.keys(INDEXES) as IndexName[])("index %s", (index) => {
    const names = INDEXES[index];
    const on = (partition: string, order: string) => ({ [names.pk]: partition, [names.sk]: order });

    it("holds keys only, of the items that have both its keys", async () => {
      const partition = unique("i");
      const pk = unique("p");
      await put({ pk, sk: "1", ...on(partition, "b"), more: "x" });
      await put({ pk, sk: "2", ...on(partition, "a"), more: "x" });
      await put({ pk, sk: "3", [names.pk]: partition });
      await put({ pk, sk: "4", more: "x" });

      const page = await table().query({ pk: partition, index });

      expect(page.items).toStrictEqual([
        { pk, sk: "2", ...on(partition, "a") },
        { pk, sk: "1", ...on(partition, "b") },
      ]);
    });

    it("follows every change of its items", async () => {
      const [partition, elsewhere] = [unique("i"), unique("i")];
      const pk = unique("p");
      const read = async () =>
        (await table().query({ pk: partition, index })).items.map(({ sk, ...item }) => `${sk}${item[names.sk]}`);
      await table().transact(["1", "2", "3", "4"].map((sk) => ({ put: { pk, sk, ...on(partition, sk) } })));

      await table().write({ update: { pk, sk: "1" }, changes: { set: on(elsewhere, "1") } });
      await table().write({ update: { pk, sk: "2" }, changes: { set: { [names.sk]: "9" } } });
      await table().write({ update: { pk, sk: "3" }, changes: { remove: [names.sk] } });
      expect(await read()).toEqual(["44", "29"]);
      await table().write({ delete: { pk, sk: "4" } });
      await put({ pk, sk: "2" });
      await put({ pk, sk: "3", ...on(partition, "3") });

      expect(await read()).toEqual(["33"]);
      expect((await table().query({ pk: elsewhere, index })).items).toHaveLength(1);
    });

    it("pages through equal sort keys without losing or doubling any, in both directions", async () => {
      const partition = unique("i");
      const pk = unique("p");
      await table().transact(
        Array.from({ length: 17 }, (_, i) => ({ put: { pk, sk: `s${i}`, ...on(partition, String(i % 3)) } })),
      );

      for (const reverse of [false, true]) {
        const { items } = await walk(table(), { pk: partition, index, limit: 4, reverse });
        expect(new Set(items.map(({ sk }) => sk)).size).toBe(17);
        expect(items).toHaveLength(17);
        const order = items.map((item) => String(item[names.sk]));
        expect(order).toEqual(reverse ? [...order].sort().reverse() : [...order].sort());
      }
    });

    it("cuts by prefix and bounds, and can't be read consistently", async () => {
      const partition = unique("i");
      const pk = unique("p");
      await table().transact(
        ["a1", "a2", "b1"].map((order, i) => ({ put: { pk, sk: String(i), ...on(partition, order) } })),
      );

      expect((await table().query({ pk: partition, index, prefix: "a" })).items).toHaveLength(2);
      expect((await table().query({ pk: partition, index, between: ["a2", "b1"] })).items).toHaveLength(2);
      await expectCode(table().query({ pk: partition, index, consistent: true }), "TABLE_REQUEST_INVALID");
    });
  });
}
