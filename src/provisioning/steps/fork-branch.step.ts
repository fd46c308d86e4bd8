import { Injectable } from '@nestjs/common';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WORKSPACE_FOLDER } from '../../drivers/workspace.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { ProvisioningStep, type StepContext } from '../step.js';

const TIMEOUT_MS = 20_000;
/** Moves HEAD alone: changes that are not committed stay as they are. No process of the copy can hold the lock of the index. */
const SCRIPT = `
git rev-parse --git-dir > /dev/null 2>&1 || exit 0
rm -f "$(git rev-parse --git-dir)/index.lock"
if commit=$(git rev-parse --verify --quiet HEAD); then
  git show-ref --verify --quiet "refs/heads/$1" || git update-ref "refs/heads/$1" "$commit" || exit
fi
git symbolic-ref HEAD "refs/heads/$1"
`;

/** Puts the repository of a copy on a branch of its own, before anybody uses it. */
@Injectable()
export class ForkBranchStep extends ProvisioningStep {
  readonly name = 'branch';
  readonly status = 'starting';
  readonly weight = 0;
  override readonly passing = true;

  constructor(private readonly driver: WorkspaceDriver) {
    super();
  }

  /** A repository that Git cannot work with is left as it is: its user has it in the container that it is a copy of as well. */
  async run({ row, signal }: StepContext): Promise<void> {
    if (row.forkBranch === null || row.startedAt !== null) return;
    const argv = ['sh', '-c', SCRIPT, 'branch', row.forkBranch];
    await this.driver.exec(workspaceOf(row), { argv, cwd: WORKSPACE_FOLDER, timeoutMs: TIMEOUT_MS, signal });
  }
}
