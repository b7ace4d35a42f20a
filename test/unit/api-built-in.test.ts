import { describe, expect, it } from "vitest";
import { templateRecord } from "../../core/contracts/api/records.ts";
import { checkParams, findBlocks } from "../../core/job/check.ts";
import { templateConfig, templateOut } from "../../core/job/template-wire.ts";
import { builtInCatalog } from "../../lambdas/api/catalog.ts";
import { ApiWorld, s3 } from "../helpers/api-world.ts";

const { templates } = builtInCatalog;

describe("the built-in templates", () => {
  it.each(templates.map((template) => [template.id, template] as const))("%s fits together", (_, template) => {
    const { app, partitioner, assembler } = template;
    const blocks = findBlocks(builtInCatalog, { app, partitioner, assembler });
    const params = {
      partitioner: { ...template.params.partitioner },
      app: {},
      assembler: { ...template.params.assembler },
    };

    checkParams(blocks, { params, config: templateConfig(template) }, ["assembler"]);

    expect(builtInCatalog.resultFormat(blocks.app, blocks.assembler, { format: "csv" })).toBeTruthy();
    templateRecord.parse(templateOut(template));
  });

  it("run: a group-by of a CSV, checked against the real blocks", async () => {
    const world = new ApiWorld({ ports: { catalog: builtInCatalog } });
    await world.put("in/a.csv", "state,cost\nCA,1\n");
    const job = await world.job({
      templateId: "csv-group-by",
      dataSource: s3("in/a.csv"),
      params: { app: { by: "state", aggregates: ["count", "sum(cost)"] } },
    });
    const wrong = await world.call<{ details: { path: string }[] }>("POST", "/v1/customer/jobs", {
      templateId: "csv-group-by",
      params: { app: { nonsense: true } },
    });

    expect(wrong.status).toBe(422);
    expect(wrong.body.details.map(({ path }) => path).join(" ")).toContain("params.app");
    expect((await world.run(job.id)).status).toBe(200);
  });
});
