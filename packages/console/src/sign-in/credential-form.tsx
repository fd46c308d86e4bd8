import type { FormEvent, ReactNode } from 'react';
import { messageOf } from '../api/api-error.ts';
import { Button } from '../ui/button.tsx';
import styles from './sign-in.module.css';

interface CredentialFormProps {
  /** Why the last attempt failed. */
  error: Error | null;
  isPending: boolean;
  onSubmit: () => void;
  /** Its fields. */
  children: ReactNode;
}

export function CredentialForm({ error, isPending, onSubmit, children }: CredentialFormProps) {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {error !== null && (
        <p role="alert" className={styles.error}>
          {messageOf(error)}
        </p>
      )}
      {children}
      <Button type="submit" look="primary" isLarge disabled={isPending}>
        Sign in
      </Button>
    </form>
  );
}
