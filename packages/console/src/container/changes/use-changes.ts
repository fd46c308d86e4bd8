import { useQuery } from '@tanstack/react-query';
import { api, must, mustFetch } from '../../api/client.ts';
import { type FileDiff, parsePatch } from '../../diff/patch.ts';

export interface Changes {
  files: FileDiff[];
  /** Whether there is more than is shown. */
  isTruncated: boolean;
  /** Whether there is a repository to compare with. */
  hasRepository: boolean;
}

const MAX_BYTES = 4 * 1024 ** 2;
const NOT_A_REPOSITORY = 78;

/**
 * Compares the files with the last commit, new files included. It changes nothing, the index of the repository neither.
 */
const SCRIPT = `git rev-parse --is-inside-work-tree >/dev/null 2>&1 || exit ${NOT_A_REPOSITORY}
index=$(mktemp) && trap 'rm -f "$index"' EXIT
cp "$(git rev-parse --git-path index)" "$index" 2>/dev/null || rm -f "$index"
export GIT_INDEX_FILE="$index"
git add --intent-to-add --all . 2>/dev/null
base=$(git rev-parse --quiet --verify HEAD) || base=$(git hash-object -t tree /dev/null)
git -c core.quotePath=true diff --no-color --no-ext-diff --no-textconv --src-prefix=a/ --dst-prefix=b/ "$base"`;

async function readWorkingTree(containerId: string): Promise<Changes> {
  const params = { path: { id: containerId } };
  const command = ['sh', '-c', SCRIPT];
  const body = { command, cwd: '/workspace', encoding: 'utf8', timeoutSeconds: 60, maxOutputBytes: MAX_BYTES } as const;
  const answer = api.POST('/api/containers/{id}/exec', { params, body: { ...body, command } });
  const { exitCode, stdout, stderr, truncated, timedOut } = await must(answer);
  if (exitCode === NOT_A_REPOSITORY) return { files: [], isTruncated: false, hasRepository: false };
  if (timedOut) throw new Error('git takes longer than a minute.');
  // Of an output that was cut off git notices that nobody reads it any more.
  if (exitCode !== 0 && !truncated) throw new Error(stderr.trim() || `git ended with code ${exitCode}.`);
  return { files: parsePatch(stdout), isTruncated: truncated, hasRepository: true };
}

async function readInstruction(id: string): Promise<Changes> {
  const response = await mustFetch(`/api/instructions/${encodeURIComponent(id)}/diff`);
  const isTruncated = response.headers.get('X-Diff-Truncated') === 'true';
  return { files: parsePatch(await response.text()), isTruncated, hasRepository: true };
}

/** @param instructionId null for the working tree, which is read when somebody looks and not again by itself */
export function useChanges(containerId: string, instructionId: string | null, isEnabled: boolean) {
  return useQuery({
    queryKey: ['changes', containerId, instructionId],
    queryFn: () => (instructionId === null ? readWorkingTree(containerId) : readInstruction(instructionId)),
    staleTime: instructionId === null ? 30_000 : Infinity,
    refetchOnWindowFocus: false,
    retry: false,
    enabled: isEnabled,
  });
}
