/**
 * Builds the workspace images that the tests use, where they are missing: `build.ts <template>…`.
 * `npm test` runs it beside the tiers that need no engine. It prints a line for each image that is ready.
 */
import type { ImageTarget } from '../../../src/drivers/docker/images/build-context.js';
import { workspaceImage } from './workspace-image.js';

for (const template of process.argv.slice(2) as ImageTarget[]) {
  await workspaceImage(template);
  console.log(template);
}
// The engine's client keeps its connections open.
process.exit(0);
