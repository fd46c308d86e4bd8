/**
 * Module hooks that run this project's TypeScript without a build: `node --import ./scripts/lib/ts-hooks.mjs file.ts`.
 * `./x.js` means `./x.ts` where only the latter exists; decorators and their metadata are compiled as .swcrc says.
 */
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import { ROOT } from './paths.mjs';

const { jsc } = JSON.parse(readFileSync(join(ROOT, '.swcrc'), 'utf8'));

process.setSourceMapsEnabled(true);

registerHooks({
  resolve(specifier, context, next) {
    if (!/^(\.{1,2}\/|\/|file:).*\.js$/.test(specifier) || !context.parentURL?.startsWith('file:'))
      return next(specifier, context);
    const asked = new URL(specifier, context.parentURL);
    const source = new URL(asked.href.replace(/\.js$/, '.ts'));
    return next(!existsSync(asked) && existsSync(source) ? source.href : specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
    const filename = fileURLToPath(url);
    /** @type {import('@swc/core').Options} */
    const options = { filename, swcrc: false, configFile: false, jsc, module: { type: 'es6' }, sourceMaps: 'inline' };
    return {
      format: 'module',
      shortCircuit: true,
      source: transformSync(readFileSync(filename, 'utf8'), options).code,
    };
  },
});
