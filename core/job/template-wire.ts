import { configInput, configOut, DEFAULT_CONFIG, mergeConfig } from "../contracts/api/config.ts";
import { parseWire } from "../contracts/api/input.ts";
import type { TemplateRecord } from "../contracts/api/records.ts";
import type { TemplateInfo } from "../contracts/blocks.ts";
import type { JobConfig } from "../contracts/job-items.ts";
import { BUILT_IN_OWNER } from "./catalog.ts";

/** The config that a job of the template begins with. */
export function templateConfig(template: TemplateInfo): JobConfig {
  return mergeConfig(DEFAULT_CONFIG, parseWire(configInput, template.config ?? {}, "template.config"));
}

export function templateOut(template: TemplateInfo): TemplateRecord {
  return {
    id: template.id,
    description: template.description,
    app: template.app,
    partitioner: template.partitioner,
    assembler: template.assembler,
    dataSource: null,
    dataDestination: null,
    params: {
      partitioner: { ...template.params.partitioner },
      app: { ...template.params.app },
      assembler: { ...template.params.assembler },
    },
    config: configOut(templateConfig(template)),
    owner: BUILT_IN_OWNER,
    userName: BUILT_IN_OWNER,
    isPublic: true,
    createdAt: null,
    updatedAt: null,
  };
}
