import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { inputClass } from '../../ui/field.tsx';
import styles from './agent.module.css';
import { useInstruct } from './use-instructions.ts';

interface PromptBoxProps {
  containerId: string;
  /** How many instructions are not over: a new one waits for them. */
  ahead: number;
  hasSession: boolean;
}

export function PromptBox({ containerId, ahead, hasSession }: PromptBoxProps) {
  const [prompt, setPrompt] = useState('');
  const [model, setModel] = useState('');
  const [budget, setBudget] = useState('');
  const [isContinued, setIsContinued] = useState(true);
  const instruct = useInstruct(containerId);
  const send = (): void => {
    if (prompt.trim() === '' || instruct.isPending) return;
    instruct.mutate(
      {
        prompt,
        continue: hasSession && isContinued,
        ...(model.trim() === '' ? {} : { model: model.trim() }),
        ...(budget === '' ? {} : { maxBudgetUsd: Number(budget) }),
      },
      { onSuccess: () => setPrompt('') },
    );
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  const sendByKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className={styles.box} onSubmit={submit}>
      <div className={styles.boxInner}>
        <textarea
          className={inputClass}
          rows={3}
          aria-label="Instruction"
          placeholder="What should the agent do? Enter sends, Shift+Enter begins a line."
          value={prompt}
          onChange={(event) => setPrompt(event.target.value)}
          onKeyDown={sendByKey}
        />
        <div className={styles.options}>
          <Button type="submit" look="primary" disabled={prompt.trim() === '' || instruct.isPending}>
            {ahead > 0 ? 'Add to the queue' : 'Send'}
          </Button>
          {hasSession && (
            <label>
              <input type="checkbox" checked={isContinued} onChange={(event) => setIsContinued(event.target.checked)} />
              Continue the conversation
            </label>
          )}
          <label>
            Model
            <input
              className={styles.small}
              placeholder="default"
              spellCheck={false}
              value={model}
              onChange={(event) => setModel(event.target.value)}
            />
          </label>
          <label>
            Budget, $
            <input
              className={styles.small}
              type="number"
              min="0.01"
              step="0.01"
              placeholder="none"
              value={budget}
              onChange={(event) => setBudget(event.target.value)}
            />
          </label>
        </div>
      </div>
    </form>
  );
}
