import { DriverError } from '../driver-error.js';
import { type UsageRecord, UsageSource } from '../workspace-usage.js';
import { type FakeWorkspace, isUp } from './fake-workspace.js';

export class FakeUsageSource extends UsageSource {
  constructor(
    private readonly workspace: FakeWorkspace,
    private readonly pass: () => Promise<void>,
  ) {
    super();
  }

  async read(): Promise<UsageRecord> {
    await this.pass();
    if (!isUp(this.workspace)) throw new DriverError('conflict', 'the workspace stopped');
    return { at: Date.now(), monotonicMs: performance.now(), ...this.workspace.usage };
  }

  claudeProcesses(): number[] | undefined {
    return this.workspace.claudeProcesses;
  }

  close(): void {
    // Nothing is open.
  }
}
