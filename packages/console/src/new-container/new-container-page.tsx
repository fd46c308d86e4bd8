import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { fieldErrors, messageOf } from '../api/api-error.ts';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { CONTAINERS_KEY } from '../containers/use-containers.ts';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { useTitle } from '../ui/use-title.ts';
import { AccessFields } from './access-fields.tsx';
import { BasicFields } from './basic-fields.tsx';
import { bodyOf, curlOf, type Draft, EMPTY_DRAFT } from './draft.ts';
import styles from './new-container.module.css';
import { RepositoryFields } from './repository-fields.tsx';
import { ResourceFields } from './resource-fields.tsx';
import { SoftwareFields } from './software-fields.tsx';
import { StopFields } from './stop-fields.tsx';

export interface FieldsProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  errors: Record<string, string>;
}

export function NewContainerPage() {
  useTitle('New container');
  const navigate = useNavigate();
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const create = useMutation({
    mutationFn: () => must(api.POST('/api/containers', { body: bodyOf(draft) })),
    onSuccess: async ({ name }) => {
      await queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY });
      await navigate({ to: '/containers/$name', params: { name } });
    },
  });
  const fields: FieldsProps = {
    draft,
    set: (change) => setDraft((before) => ({ ...before, ...change })),
    errors: fieldErrors(create.error),
  };
  const curl = curlOf(location.origin, bodyOf(draft));
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (create.isError) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [create.isError, create.submittedAt]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <div className={styles.page}>
      <div className={styles.inner}>
        <h1>New container</h1>
        <form className={styles.form} ref={form} onSubmit={submit}>
          <BasicFields {...fields} />
          <RepositoryFields {...fields} />
          <SoftwareFields {...fields} />
          <AccessFields {...fields} />
          <ResourceFields {...fields} />
          <StopFields {...fields} />
          {create.error !== null && (
            <p role="alert" className={styles.error}>
              {summaryOf(create.error)}
            </p>
          )}
          <div className={styles.actions}>
            <Button type="submit" look="primary" isLarge disabled={create.isPending}>
              Create container
            </Button>
            <Button isLarge onClick={() => void navigate({ to: '/' })}>
              Cancel
            </Button>
          </div>
        </form>
        <aside className={styles.side} aria-label="The same as a command">
          <h2>The same as a command</h2>
          <pre>{curl}</pre>
          <CopyButton text={curl} />
        </aside>
      </div>
    </div>
  );
}

/** What no field of the form shows is said in full. */
function summaryOf(error: Error): string {
  const errors = Object.entries(fieldErrors(error));
  if (errors.length === 0) return messageOf(error);
  const others = errors.filter(([name]) => !(name in EMPTY_DRAFT) && !name.includes('.'));
  return ['Some fields have to be corrected.', ...others.map(([name, text]) => `${name}: ${text}.`)].join(' ');
}
