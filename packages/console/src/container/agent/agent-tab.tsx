import { useEffect, useRef } from 'react';
import { useMay } from '../../session/me.ts';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Loading } from '../../ui/loading.tsx';
import { useThisContainer } from '../container-context.ts';
import styles from './agent.module.css';
import { InstructionView } from './instruction-view.tsx';
import { PromptBox } from './prompt-box.tsx';
import { isOver, useInstructions } from './use-instructions.ts';

const NEAR_END = 120;

/** The conversation with the agent, and the form for its next instruction. */
export function AgentTab() {
  const { id, projectId, status, template } = useThisContainer();
  const may = useMay();
  const mayDrive = may('instruction:drive', projectId);
  const { data: instructions, error, refetch } = useInstructions(id);
  const scroll = useStickyEnd();
  if (error !== null && instructions === undefined) return <Failure error={error} onRetry={() => void refetch()} />;
  if (instructions === undefined) return <Loading />;
  return (
    <div className={styles.page}>
      <div className={styles.scroll} ref={scroll} tabIndex={0} role="region" aria-label="Conversation">
        {instructions.length === 0 ? (
          <Empty
            title="Nothing has been asked yet"
            text="An instruction is a prompt for Claude Code, which works on it in this container and keeps going while nobody looks."
          />
        ) : (
          <div className={styles.list}>
            {instructions.map((instruction, index) => (
              <InstructionView
                key={instruction.id}
                instruction={instruction}
                isLatest={index === instructions.length - 1}
                mayDrive={mayDrive}
              />
            ))}
          </div>
        )}
      </div>
      {mayDrive && status === 'running' && template !== 'vscode' && (
        <PromptBox
          containerId={id}
          ahead={instructions.filter((one) => !isOver(one)).length}
          hasSession={instructions.some(({ sessionId }) => sessionId !== null)}
        />
      )}
    </div>
  );
}

/** Keeps the end in view while it grows, unless the person has scrolled up. */
function useStickyEnd() {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    let isAtEnd = true;
    const note = (): void => {
      isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    };
    const follow = (): void => {
      if (isAtEnd) element.scrollTop = element.scrollHeight;
    };
    const observer = new MutationObserver(follow);
    observer.observe(element, { childList: true, subtree: true, characterData: true });
    element.addEventListener('scroll', note, { passive: true });
    follow();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', note);
    };
  });
  return ref;
}
