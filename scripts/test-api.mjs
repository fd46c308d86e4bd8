/**
 * npm run test:api [-- jest arguments]
 * Installs what is missing, then has Schemathesis try every route of a running server with requests made from the API
 * document: no answer may be a server error, or one that the document does not list.
 */
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { extraCa } from './lib/extra-ca.mjs';
import { hostFacts } from './lib/host.mjs';
import { ensurePythonTools } from './lib/python-tools.mjs';
import { runTier } from './lib/run-tier.mjs';
import { loadSettings } from './lib/settings.mjs';
import { ensureSetup, ensureTestTools, SETUP_STEPS, TEST_STEPS } from './lib/setup.mjs';
import { createSteps } from './lib/steps.mjs';
import { closingLine } from './lib/tiers.mjs';

await runCommand(async () => {
  const settings = loadSettings();
  const steps = createSteps({ total: SETUP_STEPS + TEST_STEPS + 2 });
  const host = hostFacts();
  await ensureSetup(steps, settings, host);
  await ensureTestTools(steps, host);
  await steps.run('Schemathesis', (step) => ensurePythonTools('schemathesis', host, step));
  await steps.run('build', (step) => ensureBuild(step));
  const ca = extraCa(settings.values);
  /** @type {Record<string, string>} */
  const env = ca ? { EXTRA_CA_CERTS: ca.file } : {};
  const count = await runTier(
    { name: 'api', kind: 'jest', minutes: 20 },
    { jestArgs: process.argv.slice(2), passWithNoTests: false, env },
  );
  process.stdout.write(`\n${closingLine(count)}\n`);
  return count.failed === 0 ? 0 : 1;
});
