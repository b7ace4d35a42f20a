import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/**
 * An exception from a cdk-nag rule, with its reason, beside the code that needs it. A rule with several findings takes the
 * finding's id as cdk-nag prints it (`AwsSolutions-IAM5[Resource::…]`): a bare rule id silences none of them.
 */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}
