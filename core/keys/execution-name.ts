/** One execution a run: a repeated start is recognised by its name. */
export const executionName = (jobId: string, run: number): string => `${jobId}-r${run}`;
