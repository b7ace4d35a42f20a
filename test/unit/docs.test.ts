import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { statesPage } from "../../scripts/docs/states-page.ts";

it("docs/guide/states.md is what core/states says (npx tsx scripts/docs.ts writes it)", async () => {
  const page = await readFile("docs/guide/states.md", "utf8");

  expect(page).toBe(statesPage());
});
