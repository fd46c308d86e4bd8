/**
 * Jest sequencer with the order in which the suites of a tier start: those that take long first, so that no worker is busy
 * alone at the end, and those that keep the processor busy between those that mostly wait.
 */
import { relative } from 'node:path';
import Sequencer from '@jest/test-sequencer';

/** A suite that is not listed takes less than half a minute and starts after these. */
const FIRST = [
  'contracts/instruction-runner-claude',
  'contracts/instruction-runner-supervision',
  'contracts/instruction-runner-stalls',
  'contracts/embedded-postgres',
  'contracts/support-messages-api',
  'contracts/workspace-agents',
  'contracts/pty-host',
  'contracts/workspace-driver-snapshots',
  'e2e/clone',
  'e2e/credentials',
  'e2e/instructions',
  'e2e/truth',
  'e2e/console',
  'e2e/console-container',
  'e2e/queues-lost',
  'e2e/images',
  'e2e/editor-browser',
  'e2e/console-sign-in',
  'e2e/health',
  'e2e/agent-state',
  'e2e/files',
  'e2e/terminals',
  'e2e/queues',
  'e2e/lifecycle',
  'e2e/instructions-control',
  'e2e/inside',
  'e2e/auto-stop',
  'e2e/snapshots',
  'e2e/spend',
  'e2e/replicas',
  'e2e/oidc',
  'e2e/oidc-refused',
  'e2e/sign-in-page',
  'e2e/editor',
  'e2e/egress-tools',
  'e2e/egress-api',
  'e2e/metrics',
  'e2e/egress',
  'e2e/files-archives',
  'e2e/authority-attacks',
  'e2e/exec',
  'e2e/files-refused',
  'e2e/request-limits',
  'e2e/examples',
  'faults/kill-instructions',
  'faults/kill-random',
  'faults/instructions-engine',
  'faults/egress-kills',
  'faults/replicas',
  'faults/kill-steps',
  'faults/engine-lost',
  'faults/kill-delete',
  'faults/instructions-two-processes',
  'faults/two-processes',
  'faults/logs',
  'faults/metrics-engine',
  'faults/disk-and-build',
  'faults/upgrade',
  'faults/kill-worker-three-times',
  'faults/embedded-postgres',
  'faults/engine-restart',
];

export default class SuiteSequencer extends Sequencer {
  sort(tests) {
    const place = (test) => {
      const [, name] = /^test\/(.+)\.test\.ts$/.exec(relative(test.context.config.rootDir, test.path)) ?? [];
      const index = FIRST.indexOf(name);
      return index === -1 ? FIRST.length : index;
    };
    // Jest's own order, which begins with large files, decides between the others.
    const usual = super.sort(tests); // oxlint-disable-line unicorn/no-array-sort
    return usual.toSorted((one, other) => place(one) - place(other));
  }
}
