/** The set-up that the commands share: npm packages, Docker engine, limits of the kernel, base image; for tests also the servers they run. */
import { ensureBaseImage } from './base-image.mjs';
import { ensureEngine } from './engine.mjs';
import { hostFacts } from './host.mjs';
import { ensureKernelLimits } from './kernel-limits.mjs';
import { ensureNpmPackages } from './npm-packages.mjs';
import { ensurePythonTools } from './python-tools.mjs';
import { ensureTestPackages } from './test-packages.mjs';

export const SETUP_STEPS = 4;
export const TEST_STEPS = 2;

/** @param {{ run: Function }} steps @param {ReturnType<import('./settings.mjs').loadSettings>} settings */
export async function ensureSetup(steps, settings, host = hostFacts()) {
  await steps.run('npm packages', (step) => ensureNpmPackages(step));
  await steps.run('Docker engine', (step) => ensureEngine(settings.engine, host, step));
  await steps.run('kernel limits', (step) => ensureKernelLimits(settings.engine, host, step));
  await steps.run('base image', (step) => ensureBaseImage(settings.engine, settings.baseImage, host, step));
}

/** @param {{ run: Function }} steps */
export async function ensureTestTools(steps, host = hostFacts()) {
  await steps.run('test servers and tools', (step) => ensureTestPackages(host, step));
  await steps.run('Python packages', (step) => ensurePythonTools('clients', host, step));
}
