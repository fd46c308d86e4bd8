import { ChevronRightIcon } from '../../ui/icons.tsx';
import { classes } from '../../ui/classes.ts';
import { Spinner } from '../../ui/loading.tsx';
import styles from './agent.module.css';
import { inputText, type ToolPart } from './conversation.ts';
import { DiffStat } from '../../diff/diff-stat.tsx';
import type { DiffLine, Hunk } from '../../diff/patch.ts';
import { Hunks } from '../../diff/hunks.tsx';

interface ToolCallProps {
  tool: ToolPart;
  isRunning: boolean;
}

export function ToolCall({ tool: { name, title, input, result, isError, edit }, isRunning }: ToolCallProps) {
  return (
    <details className={styles.tool}>
      <summary>
        <span className={styles.chevron}>
          <ChevronRightIcon size={12} />
        </span>
        <span className={styles.toolName}>{name}</span>
        <span className={styles.toolTitle}>{title}</span>
        {edit !== null && <DiffStat added={countOf(edit, 'added')} removed={countOf(edit, 'removed')} />}
        {result === null && isRunning && <Spinner />}
        {isError && <span className={styles.failed}>failed</span>}
      </summary>
      <div className={styles.toolBody}>
        {edit === null ? (
          <pre tabIndex={0}>{inputText(input)}</pre>
        ) : (
          <div className={styles.edit}>
            <Hunks hunks={edit} label={`Changes of ${title}`} />
          </div>
        )}
        {result !== null && (
          <pre tabIndex={0} className={classes(isError && styles.failed)}>
            {result === '' ? '(no output)' : result}
          </pre>
        )}
      </div>
    </details>
  );
}

function countOf(edit: readonly Hunk[], kind: DiffLine['kind']): number {
  return edit.flatMap(({ lines }) => lines).filter((line) => line.kind === kind).length;
}
