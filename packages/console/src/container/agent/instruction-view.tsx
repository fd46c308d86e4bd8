import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Instruction } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { formatDuration, formatUsd } from '../../ui/format.ts';
import { Spinner } from '../../ui/loading.tsx';
import { useThisContainer } from '../container-context.ts';
import styles from './agent.module.css';
import { type Part, partsOf } from './conversation.ts';
import { Markdown } from './markdown.tsx';
import { PermissionCard } from './permission-card.tsx';
import { ToolCall } from './tool-call.tsx';
import { isOver, useCancel, useEvents } from './use-instructions.ts';

const STATUS: Record<Instruction['status'], string> = {
  queued: 'in the queue',
  running: 'running',
  succeeded: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  timed_out: 'timed out',
};

interface InstructionViewProps {
  instruction: Instruction;
  /** Whether its events are shown from the beginning. */
  isLatest: boolean;
  mayDrive: boolean;
}

export function InstructionView({ instruction, isLatest, mayDrive }: InstructionViewProps) {
  const [isOpened, setIsOpened] = useState(false);
  const isShown = isLatest || isOpened || instruction.status === 'running';
  const events = useEvents(instruction.id, isShown || instruction.status === 'queued');
  const parts = useMemo(() => partsOf(events), [events]);
  const cancel = useCancel();
  const isRunning = instruction.status === 'running';
  return (
    <article className={styles.instruction} aria-label={`Instruction, ${STATUS[instruction.status]}`}>
      <div className={styles.prompt}>{instruction.prompt}</div>
      {isShown && parts.map((part) => <PartView key={part.key} part={part} isRunning={isRunning} />)}
      {!isShown && instruction.result !== null && (
        <div className={styles.text}>
          <Markdown text={instruction.result} />
        </div>
      )}
      {instruction.permissions.map((permission) => (
        <PermissionCard
          key={permission.requestId}
          instructionId={instruction.id}
          permission={permission}
          mayAnswer={mayDrive}
        />
      ))}
      {instruction.statusReason !== null && <p className={styles.failed}>{instruction.statusReason.message}</p>}
      <div className={styles.foot}>
        {isRunning && <Spinner />}
        <span>{STATUS[instruction.status]}</span>
        <Figures instruction={instruction} />
        {!isShown && (
          <Button look="quiet" onClick={() => setIsOpened(true)}>
            Show the steps
          </Button>
        )}
        {mayDrive && !isOver(instruction) && (
          <Button look="quiet" disabled={cancel.isPending} onClick={() => cancel.mutate(instruction.id)}>
            Cancel
          </Button>
        )}
      </div>
    </article>
  );
}

function Figures({ instruction }: { instruction: Instruction }) {
  const { name } = useThisContainer();
  const { id, turns, costUsd, costEstimated, startedAt, finishedAt, diff } = instruction;
  return (
    <>
      {turns !== null && <span>{turns === 1 ? '1 turn' : `${turns} turns`}</span>}
      {costUsd !== null && <span>{`${costEstimated ? 'about ' : ''}${formatUsd(costUsd)}`}</span>}
      {startedAt !== null && finishedAt !== null && (
        <span>{formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))}</span>
      )}
      {diff !== null && diff.files !== null && diff.files > 0 && (
        <Link to="/containers/$name/changes" params={{ name }} search={{ instruction: id }}>
          {`${diff.files} ${diff.files === 1 ? 'file' : 'files'}, +${diff.insertions} −${diff.deletions}`}
        </Link>
      )}
    </>
  );
}

function PartView({ part, isRunning }: { part: Part; isRunning: boolean }) {
  switch (part.kind) {
    case 'text':
      return (
        <div className={styles.text}>
          <Markdown text={part.text} />
        </div>
      );
    case 'thinking':
      return <p className={styles.thinking}>{part.text}</p>;
    case 'notice':
      return <p className={styles.thinking}>{part.text}</p>;
    case 'tool':
      return <ToolCall tool={part} isRunning={isRunning} />;
  }
}
