/**
 * Jest sequencer that starts the suites that take longest first, so that no worker is busy alone at the end of a tier.
 * The seconds are those of a run on two cores that were busy, since only their order counts; a suite that is not listed takes less.
 */
import { relative } from 'node:path';
import Sequencer from '@jest/test-sequencer';

const SECONDS = {
  'contracts/instruction-runner-claude': 120,
  'contracts/pty-host': 50,
  'contracts/workspace-agents': 50,
  'contracts/instruction-runner-supervision': 115,
  'contracts/support-messages-api': 35,
  'contracts/embedded-postgres': 25,
  'contracts/instruction-runner': 25,
  'contracts/instruction-runner-hostile': 25,
  'e2e/queues-lost': 130,
  'e2e/editor-browser': 100,
  'e2e/clone': 80,
  'e2e/editor': 35,
  'e2e/agent-state': 130,
  'e2e/truth': 65,
  'e2e/health': 60,
  'e2e/terminals': 55,
  'e2e/queues': 75,
  'e2e/instructions': 95,
  'e2e/instructions-control': 50,
  'e2e/files': 140,
  'e2e/files-archives': 85,
  'e2e/metrics': 45,
  'e2e/replicas': 45,
  'e2e/lifecycle': 45,
  'e2e/inside': 45,
  'faults/replicas': 180,
  'faults/kill-steps': 240,
  'faults/kill-random': 110,
  'faults/kill-delete': 105,
  'faults/two-processes': 100,
  'faults/engine-lost': 85,
  'faults/logs': 80,
  'faults/kill-worker-three-times': 75,
  'faults/engine-restart': 70,
  'faults/disk-and-build': 65,
  'faults/kill-instructions': 60,
  'faults/instructions-engine': 55,
  'faults/metrics-engine': 50,
  'faults/instructions-two-processes': 50,
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
