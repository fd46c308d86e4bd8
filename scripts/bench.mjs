/**
 * npm run bench -- <name> [arguments]
 * Installs what is missing, then runs bench/<name>.ts; without a name it lists the benchmarks.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './lib/apt.mjs';
import { sorted } from './lib/arrays.mjs';
import { runCommand } from './lib/entry.mjs';
import { which } from './lib/exec.mjs';
import { describeExtraCa, extraCa } from './lib/extra-ca.mjs';
import { Failure } from './lib/failure.mjs';
import { hostFacts, runAsRoot } from './lib/host.mjs';
import { ROOT } from './lib/paths.mjs';
import { runTypeScript } from './lib/run-typescript.mjs';
import { loadSettings } from './lib/settings.mjs';
import { ensureSetup, SETUP_STEPS } from './lib/setup.mjs';
import { defer } from './lib/shutdown.mjs';
import { createSteps } from './lib/steps.mjs';
import { removeTestGateway } from './lib/test-gateway.mjs';

/** Debian packages, named like their program, with the services that an install would leave running. */
const COMPARED = { proxy: { program: 'nginx', services: ['nginx.service'] } };
const FOLDER = join(ROOT, 'bench');

/** The benchmarks are the .ts files directly in bench/; shared code is in folders below. */
const names = () =>
  existsSync(FOLDER)
    ? sorted(
        readdirSync(FOLDER)
          .filter((file) => file.endsWith('.ts') && !/\.(spec|test|d)\.ts$/.test(file))
          .map((file) => file.slice(0, -3)),
      )
    : [];

await runCommand(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (!name || name === '--help') {
    process.stdout.write(
      `npm run bench -- <name> [arguments]\n${names()
        .map((each) => `  ${each}\n`)
        .join('')}`,
    );
    return 0;
  }
  if (!names().includes(name))
    throw new Failure(`There is no benchmark "${name}".`, [`one of: ${names().join(', ') || '(none yet)'}`]);
  const settings = loadSettings();
  await ensureSetup(createSteps({ total: SETUP_STEPS }), settings);
  await ensurePackages(name);
  defer(() => removeTestGateway(settings.engine));
  const ca = extraCa(settings.values);
  const hint = describeExtraCa(ca);
  if (hint) process.stdout.write(`${hint}\n`);
  return runTypeScript(join('bench', `${name}.ts`), args, ca ? { EXTRA_CA_CERTS: ca.file } : {});
});

/** Installs what a benchmark compares DevForge with. */
async function ensurePackages(name) {
  const { program, services } = COMPARED[name] ?? {};
  if (program === undefined || which(program)) return;
  const host = hostFacts();
  const progress = (text) => process.stdout.write(`${program}: ${text}\n`);
  await installPackages(host, [program], { purpose: `The benchmark "${name}"`, progress });
  if (host.systemd) await runAsRoot(host, ['systemctl', 'disable', '--now', ...services]);
}
