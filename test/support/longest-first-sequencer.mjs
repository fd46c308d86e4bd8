/**
 * Jest sequencer that starts the suites that take longest first, so that no worker is busy alone at the end of a tier.
 * The seconds are those of a run on two cores that were busy, since only their order counts; a suite that is not listed takes less.
 */
import { relative } from 'node:path';
import Sequencer from '@jest/test-sequencer';

const SECONDS = {
  'contracts/instruction-runner-supervision': 70,
  'contracts/instruction-runner-stalls': 50,
  'contracts/instruction-runner-claude': 95,
  'contracts/support-messages-api': 40,
  'contracts/pty-host': 35,
  'contracts/workspace-agents': 35,
  'e2e/instructions': 125,
  'e2e/truth': 115,
  'e2e/clone': 115,
  'e2e/agent-state': 110,
  'e2e/editor-browser': 110,
  'e2e/health': 110,
  'e2e/files-archives': 110,
  'e2e/files': 105,
  'e2e/queues-lost': 95,
  'e2e/instructions-control': 95,
  'e2e/editor': 90,
  'e2e/terminals': 85,
  'e2e/replicas': 75,
  'e2e/metrics': 75,
  'e2e/lifecycle': 75,
  'e2e/queues': 65,
  'e2e/inside': 60,
  'e2e/files-refused': 45,
  'e2e/exec': 40,
  'e2e/examples': 30,
  'faults/kill-random': 180,
  'faults/replicas': 100,
  'faults/kill-steps': 95,
  'faults/kill-instructions': 90,
  'faults/two-processes': 90,
  'faults/disk-and-build': 80,
  'faults/engine-lost': 80,
  'faults/kill-delete': 80,
  'faults/instructions-engine': 75,
  'faults/instructions-two-processes': 65,
  'faults/metrics-engine': 60,
  'faults/logs': 60,
  'faults/upgrade': 50,
  'faults/kill-worker-three-times': 50,
  'faults/embedded-postgres': 45,
  'faults/engine-restart': 35,
};

export default class LongestFirstSequencer extends Sequencer {
  sort(tests) {
    const seconds = (test) => {
      const [, name] = /^test\/(.+)\.test\.ts$/.exec(relative(test.context.config.rootDir, test.path)) ?? [];
      return SECONDS[name] ?? 0;
    };
    // Jest's own order, which begins with large files, decides between the others.
    const usual = super.sort(tests); // oxlint-disable-line unicorn/no-array-sort
    return usual.toSorted((one, other) => seconds(other) - seconds(one));
  }
}
