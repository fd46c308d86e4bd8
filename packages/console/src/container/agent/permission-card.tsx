import type { Instruction } from '../../api/types.ts';
import { editOf } from '../../diff/edit.ts';
import { Hunks } from '../../diff/hunks.tsx';
import { Button } from '../../ui/button.tsx';
import styles from './agent.module.css';
import { inputText, titleOf } from './conversation.ts';
import { useAnswer } from './use-instructions.ts';

interface PermissionCardProps {
  instructionId: string;
  permission: Instruction['permissions'][number];
  mayAnswer: boolean;
}

/** What the agent waits for, where it is answered. */
export function PermissionCard({ instructionId, permission, mayAnswer }: PermissionCardProps) {
  const { requestId, toolName, input } = permission;
  const edit = editOf(input, null);
  const answer = useAnswer(instructionId);
  return (
    <section className={styles.permission} aria-label={`May ${toolName} be used?`}>
      <strong>The agent asks to use {toolName}</strong>
      {edit === null ? (
        <pre tabIndex={0}>{inputText(input)}</pre>
      ) : (
        <>
          <code>{titleOf(input)}</code>
          <div className={styles.edit}>
            <Hunks hunks={edit} label={`Changes of ${titleOf(input)}`} />
          </div>
        </>
      )}
      {mayAnswer && (
        <div className={styles.buttons}>
          <Button
            look="primary"
            disabled={answer.isPending}
            onClick={() => answer.mutate({ requestId, decision: 'allow' })}
          >
            Allow
          </Button>
          <Button disabled={answer.isPending} onClick={() => answer.mutate({ requestId, decision: 'deny' })}>
            Deny
          </Button>
        </div>
      )}
    </section>
  );
}
