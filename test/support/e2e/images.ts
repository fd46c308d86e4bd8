import { type ApiClient, ok } from '../api/client.js';
import type { Template } from '../api/types.js';
import { uniqueName } from './names.js';

/** For the hook that calls {@link ensureImages}: the first run on a machine builds the images. */
export const IMAGE_BUILD_MS = 25 * 60_000;

/** Built before the tier by `npm test`. */
const BUILT = process.env['DEVFORGE_TEST_IMAGES']?.split(',') ?? [];

/** Lets the server build the workspace images of these templates where they are missing. */
export async function ensureImages(server: { api: ApiClient }, ...templates: Template[]): Promise<void> {
  for (const template of templates.filter((each) => !BUILT.includes(each))) {
    const { id } = ok(await server.api.create({ name: uniqueName('image'), template }));
    await server.api.waitForStatus(id, 'running', IMAGE_BUILD_MS);
    ok(await server.api.remove(id));
  }
}
