/**
 * npm run contract
 * Writes the generated files of packages/contract (OpenAPI description, REST types, error codes) from the built server.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractFiles } from './lib/contract.mjs';
import { ROOT } from './lib/paths.mjs';

const dist = (file) => import(join(ROOT, 'dist', file));
const { describeApi } = await dist('boot/api-docs.js');
const { AppModule } = await dist('app.module.js');
const { ERROR_CODES } = await dist('common/errors/error-codes.js');

const files = await contractFiles(await describeApi(AppModule), ERROR_CODES);
for (const [name, text] of Object.entries(files)) {
  writeFileSync(join(ROOT, 'packages/contract', name), text);
  process.stdout.write(`packages/contract/${name}\n`);
}
