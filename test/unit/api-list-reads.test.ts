import { describe, expect, it } from "vitest";
import { ApiWorld } from "../helpers/api-world.ts";

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly pagination: { readonly hasNext: boolean; readonly cursor: string | null };
}

async function worldWith(jobs: number): Promise<{ world: ApiWorld; ids: string[] }> {
  const world = new ApiWorld();
  await world.owner("alice");
  const ids: string[] = [];
  for (let i = 0; i < jobs; i++) ids.unshift((await world.job()).id);
  return { world, ids };
}

async function list(world: ApiWorld, query: string) {
  world.store.resetStats();
  const { body } = await world.call<Page>("GET", `/v1/customer/jobs?${query}`);
  return { ids: body.data.map(({ id }) => id), page: body.pagination, stats: world.store.stats };
}

describe("a page of the list", () => {
  it("takes one query, and reads the same items whatever lies behind it", async () => {
    const few = await list((await worldWith(4)).world, "limit=3");
    const many = await list((await worldWith(40)).world, "limit=3");

    expect([few.stats.calls.query, few.stats.itemsRead]).toEqual([1, 4 + 3 * 2 + 1]);
    expect([many.stats.calls, many.stats.itemsRead]).toEqual([few.stats.calls, few.stats.itemsRead]);
  });

  it.each([
    ["", 3],
    ["state=NEW&", 3],
    ["name=numbers&", 3],
    ["", 6],
    ["", 1],
  ])("tells whether another comes: %j, %d a page of 6", async (filter, limit) => {
    const { world, ids } = await worldWith(6);
    if (filter.startsWith("name"))
      for (const id of ids) await world.call("PATCH", `/v1/customer/jobs/${id}/jobname`, { name: "numbers" });

    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const { ids: page, page: pagination } = await list(world, `${filter}limit=${limit}&cursor=${cursor}`);
      seen.push(...page);
      expect(pagination.hasNext).toBe(seen.length < 6);
      cursor = pagination.cursor;
    }

    expect(seen).toEqual(ids);
  });
});
