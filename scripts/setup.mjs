/**
 * npm run setup [-- --with-tests]
 * Installs what is missing: npm packages, the Docker engine (Debian, Ubuntu), the base image;
 * with --with-tests also the servers and tools that the tests run.
 */
import { runCommand } from './lib/entry.mjs';
import { readOptions } from './lib/options.mjs';
import { loadSettings } from './lib/settings.mjs';
import { ensureSetup, ensureTestTools, SETUP_STEPS, TEST_STEPS } from './lib/setup.mjs';
import { createSteps } from './lib/steps.mjs';

await runCommand(async () => {
  const options = readOptions({ 'with-tests': { type: 'boolean' } }, { help: 'npm run setup -- [--with-tests]' });
  const settings = loadSettings();
  const steps = createSteps({ total: SETUP_STEPS + (options['with-tests'] ? TEST_STEPS : 0) });
  await ensureSetup(steps, settings);
  if (options['with-tests']) await ensureTestTools(steps);
});
