/**
 * npm test [-- --only <tier>[,<tier>]] [jest arguments]
 * Installs what is missing, then runs every tier: type-check, lint, unit, contract, e2e, faults. The workspace images are
 * built beside the first tiers. Its last line is `Tests: N passed, N failed`, summed over all tiers; exit code 1 when anything failed.
 */
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { describeExtraCa, extraCa } from './lib/extra-ca.mjs';
import { hostFacts } from './lib/host.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';
import { runTier } from './lib/run-tier.mjs';
import { loadSettings } from './lib/settings.mjs';
import { defer } from './lib/shutdown.mjs';
import { removeTestGateway } from './lib/test-gateway.mjs';
import { ensureSetup, ensureTestTools, SETUP_STEPS, TEST_STEPS } from './lib/setup.mjs';
import { createSteps, seconds } from './lib/steps.mjs';
import { buildTestImages } from './lib/test-images.mjs';
import { closingLine, readTestArgs, sideBySide, sumCounts, timeTable } from './lib/tiers.mjs';

const counts = [];
const say = (line) => process.stdout.write(`${line}\n`);

async function prepare(tiers, settings) {
  const real = tiers.some((tier) => tier.real);
  const steps = createSteps({ total: real ? SETUP_STEPS + TEST_STEPS + 1 : 1 });
  if (!real) return steps.run('npm packages', (step) => ensureNpmPackages(step));
  const host = hostFacts();
  await ensureSetup(steps, settings, host);
  await ensureTestTools(steps, host);
  return steps.run('build', (step) => ensureBuild(step));
}

async function test() {
  const startedAt = Date.now();
  const { tiers, ...options } = readTestArgs(process.argv.slice(2));
  const settings = loadSettings();
  await prepare(tiers, settings);
  if (tiers.some((tier) => tier.real)) defer(() => removeTestGateway(settings.engine));
  const ca = extraCa(settings.values);
  const hint = describeExtraCa(ca);
  if (hint) say(hint);
  /** @type {Record<string, string>} */
  const env = ca ? { EXTRA_CA_CERTS: ca.file } : {};
  // Suites that are named build what they need themselves.
  const images = buildTestImages(
    options.jestArgs.length > 0 ? [] : tiers.flatMap((tier) => tier.images ?? []),
    env,
    say,
  );
  const times = [];
  for (const group of sideBySide(tiers)) {
    await Promise.all(
      group.map(async (tier) => {
        const built = await images.ready(tier.images ?? []);
        const title = `\n── ${tier.name} ──`;
        if (group.length === 1) say(title);
        const output = group.length === 1 ? undefined : (text) => process.stdout.write(`${title}\n${text}`);
        const tierStartedAt = Date.now();
        const count = await runTier(tier, {
          ...options,
          output,
          env: { ...env, DEVFORGE_TEST_IMAGES: built.join(',') },
        });
        const ms = Date.now() - tierStartedAt;
        counts.push(count);
        times.push({ name: tier.name, ms });
        say(
          `${count.failed === 0 ? '✓' : '✗'} ${tier.name}: ${count.passed} passed, ${count.failed} failed (${seconds(ms)})`,
        );
      }),
    );
  }
  const total = sumCounts(counts);
  say(`\n${timeTable(times, Date.now() - startedAt)}`);
  say(`\n${closingLine(total)}`);
  return total.failed === 0 ? 0 : 1;
}

await runCommand(test, { onFailure: () => say(`\n${closingLine(sumCounts([...counts, { passed: 0, failed: 1 }]))}`) });
