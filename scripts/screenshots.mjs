/**
 * npm run screenshots
 * Takes pictures of every page of the console into screenshots/, over a server and containers of its own.
 */
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { runTypeScript } from './lib/run-typescript.mjs';
import { loadSettings } from './lib/settings.mjs';
import { ensureSetup, SETUP_STEPS } from './lib/setup.mjs';
import { defer } from './lib/shutdown.mjs';
import { createSteps } from './lib/steps.mjs';
import { removeTestGateway } from './lib/test-gateway.mjs';

await runCommand(async () => {
  const settings = loadSettings();
  const steps = createSteps({ total: SETUP_STEPS + 1 });
  await ensureSetup(steps, settings);
  await steps.run('build', (step) => ensureBuild(step));
  defer(() => removeTestGateway(settings.engine));
  return runTypeScript('test/screenshots/console.ts');
});
