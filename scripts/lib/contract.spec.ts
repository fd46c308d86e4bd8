import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { appModule } from '../../test/support/app-module.js';
import { describeApi } from '../../src/boot/api-docs.js';
import { ERROR_CODES } from '../../src/common/errors/error-codes.js';
import { contractFiles } from './contract.mjs';
import { readSocketReference, socketReferenceModule } from './socket-reference.mjs';

const PACKAGE = new URL('../../packages/contract/', import.meta.url);

describe('packages/contract', () => {
  it('holds what `npm run contract` generates from the sources', async () => {
    const files = await contractFiles(await describeApi(await appModule()), ERROR_CODES);
    const committed = Object.keys(files).map((name) => [name, readFileSync(new URL(name, PACKAGE), 'utf8')]);
    expect(Object.fromEntries(committed)).toEqual(files);
  }, 60_000);

  it('is the source of what the page about sockets shows', async () => {
    const declarations = readFileSync(new URL('socket-events.d.ts', PACKAGE), 'utf8');
    const committed = readFileSync(new URL('../../src/boot/socket-reference.ts', import.meta.url), 'utf8');
    expect(committed).toBe(await socketReferenceModule(readSocketReference(declarations)));
  });

  it('has the version of the server', () => {
    const versionOf = (url: URL): string => (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
    expect(versionOf(new URL('package.json', PACKAGE))).toBe(versionOf(new URL('../../package.json', PACKAGE)));
  });
});
