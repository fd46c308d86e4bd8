import { getRouteApi } from '@tanstack/react-router';
import type { Instruction } from '../../api/types.ts';
import { useMay } from '../../session/me.ts';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { inputClass } from '../../ui/field.tsx';
import { Loading } from '../../ui/loading.tsx';
import { useInstructions } from '../agent/use-instructions.ts';
import { useThisContainer } from '../container-context.ts';
import { ChangedFiles } from './changed-files.tsx';
import styles from './changes.module.css';
import { type Changes, useChanges } from './use-changes.ts';

const route = getRouteApi('/signed-in/containers/$name/changes');
const TITLE_LENGTH = 80;

/** What has changed in the repository: by an instruction, or in all since the last commit. */
export function ChangesTab() {
  const { id, projectId, status } = useThisContainer();
  const { instruction } = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay();
  const { data: instructions, error, refetch } = useInstructions(id);
  if (instructions === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  const withDiff = instructions.filter(({ diff }) => diff !== null && diff.bytes > 0).toReversed();
  const mayCompare = status === 'running' && may('container:exec', projectId);
  const chosen = instruction ?? (mayCompare ? null : withDiff[0]?.id);
  if (chosen === undefined) return <Empty title="No instruction has changed anything yet" />;
  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        <select
          className={classes(inputClass, styles.choice)}
          aria-label="Changes of"
          value={chosen ?? ''}
          onChange={({ target: { value } }) =>
            void navigate({ search: value === '' ? {} : { instruction: value }, replace: true })
          }
        >
          {mayCompare && <option value="">Everything since the last commit</option>}
          {instruction !== undefined && !withDiff.some((one) => one.id === instruction) && (
            <option value={instruction}>An instruction without changes</option>
          )}
          {withDiff.map((one) => (
            <option key={one.id} value={one.id}>
              {titleOf(one)}
            </option>
          ))}
        </select>
        <Shown containerId={id} instructionId={chosen} isEnabled={chosen !== null || mayCompare} />
      </div>
      <Body containerId={id} instructionId={chosen} isEnabled={chosen !== null || mayCompare} />
    </div>
  );
}

interface ShownProps {
  containerId: string;
  instructionId: string | null;
  isEnabled: boolean;
}

function Shown({ containerId, instructionId, isEnabled }: ShownProps) {
  const { data, isFetching, refetch } = useChanges(containerId, instructionId, isEnabled);
  return (
    <>
      {instructionId === null && (
        <Button onClick={() => void refetch()} disabled={isFetching}>
          Refresh
        </Button>
      )}
      <span className="note" role="status">
        {data === undefined ? '' : summaryOf(data)}
      </span>
    </>
  );
}

function Body({ containerId, instructionId, isEnabled }: ShownProps) {
  const { data, error, refetch } = useChanges(containerId, instructionId, isEnabled);
  if (data === undefined && error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Loading label="Comparing" />;
  if (!data.hasRepository)
    return <Empty title="There is no repository" text="Changes are compared with a repository in /workspace." />;
  if (data.files.length === 0) return <Empty title="Nothing has changed" />;
  return <ChangedFiles key={instructionId} files={data.files} />;
}

function titleOf({ prompt, createdAt }: Instruction): string {
  const line = prompt.trim().split('\n', 1)[0]!;
  const time = new Date(createdAt).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' });
  return `${time}: ${line.length > TITLE_LENGTH ? `${line.slice(0, TITLE_LENGTH)}…` : line}`;
}

function summaryOf({ files, isTruncated }: Changes): string {
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return isTruncated ? `${count}, and more than is shown` : count;
}
