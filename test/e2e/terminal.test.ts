import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
describe('x', () => {
  let server: TestServer;
  beforeAll(async () => { server = await startTestServer(); await ensureImages(server, 'claude'); }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);
  it('y', () => expect(ok).toBeDefined());
});
