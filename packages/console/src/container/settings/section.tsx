import { type FormEvent, type ReactNode, useId } from 'react';
import { Button } from '../../ui/button.tsx';
import styles from './settings.module.css';

interface SectionProps {
  title: string;
  /** Whether something can be changed, and was. */
  mayChange: boolean;
  isChanged: boolean;
  isPending: boolean;
  onSave: () => void;
  children: ReactNode;
}

/** A part of the settings that is saved by itself. */
export function Section({ title, mayChange, isChanged, isPending, onSave, children }: SectionProps) {
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSave();
  };
  return (
    <form className={styles.section} aria-labelledby={id} onSubmit={submit}>
      <h2 id={id}>{title}</h2>
      <fieldset className={styles.fields} disabled={!mayChange} aria-labelledby={id}>
        {children}
      </fieldset>
      {mayChange && (
        <div>
          <Button type="submit" look="primary" disabled={!isChanged || isPending}>
            Save
          </Button>
        </div>
      )}
    </form>
  );
}
