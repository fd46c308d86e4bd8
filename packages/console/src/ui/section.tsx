import { type FormEvent, type ReactNode, useId } from 'react';
import { Button } from './button.tsx';
import styles from './section.module.css';

interface EditableSectionProps {
  title: string;
  /** Whether something can be changed, and was. */
  mayChange: boolean;
  isChanged: boolean;
  isPending: boolean;
  onSave: () => void;
  children: ReactNode;
}

/** A part of a page that is saved by itself. */
export function EditableSection({ title, mayChange, isChanged, isPending, onSave, children }: EditableSectionProps) {
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

/** A part of a page. */
export function Section({ title, head, children }: { title: string; head?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <div className={styles.head}>
        <h2 id={id}>{title}</h2>
        {head}
      </div>
      {children}
    </section>
  );
}

/** Fields beside each other. */
export function FieldGrid({ children }: { children: ReactNode }) {
  return <div className={styles.grid}>{children}</div>;
}
