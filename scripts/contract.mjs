/**
 * npm run contract
 * Writes the generated files of packages/contract (OpenAPI description, REST types, error codes) from the built server, and
 * what the server's page about sockets shows from the types of the socket events.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractFiles } from './lib/contract.mjs';
import { ROOT } from './lib/paths.mjs';
import { readSocketReference, socketReferenceModule } from './lib/socket-reference.mjs';

const dist = (file) => import(join(ROOT, 'dist', file));
const { describeApi } = await dist('boot/api-docs.js');
const { AppModule } = await dist('app.module.js');
const { ERROR_CODES } = await dist('common/errors/error-codes.js');

const declarations = readFileSync(join(ROOT, 'packages/contract/socket-events.d.ts'), 'utf8');
const reference = await socketReferenceModule(readSocketReference(declarations));
writeFileSync(join(ROOT, 'src/boot/socket-reference.ts'), reference);
process.stdout.write('src/boot/socket-reference.ts\n');

const files = await contractFiles(await describeApi(AppModule), ERROR_CODES);
for (const [name, text] of Object.entries(files)) {
  writeFileSync(join(ROOT, 'packages/contract', name), text);
  process.stdout.write(`packages/contract/${name}\n`);
}
