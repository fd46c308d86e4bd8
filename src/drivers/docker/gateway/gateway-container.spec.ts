import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { VERSION } from './gateway-container.js';

const PROGRAM = new URL('../../../../images/workspace/gateway/control.mjs', import.meta.url);

describe('GatewayContainer', () => {
  it('labels the gateway with the version of its program', async () => {
    expect(await readFile(PROGRAM, 'utf8')).toContain(`export const VERSION = ${VERSION};`);
  });
});
