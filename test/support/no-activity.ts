import type { ContainerActivity } from '../../src/containers/activity/container-activity.js';

/** For units whose containers are always in use. */
export const noActivity = {
  begin: async (row: unknown) => row,
  note: () => undefined,
  hold: () => () => undefined,
} as unknown as ContainerActivity;
