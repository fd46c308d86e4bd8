import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client.ts';
import { useThisContainer } from '../container-context.ts';
import { Section } from './section.tsx';
import styles from './settings.module.css';
import { useChange } from './use-change.ts';

/** Which secrets the container may use. */
export function CredentialsSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const { projectId } = container;
  const { data } = useQuery({
    queryKey: ['credentials', projectId],
    queryFn: () => must(api.GET('/api/credentials')),
  });
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const current = container.credentials.map(({ id }) => id);
  const usable = (data?.items ?? []).filter((one) => one.projectId === null || one.projectId === projectId);
  const all = [...usable, ...container.credentials.filter(({ id }) => !usable.some((one) => one.id === id))];
  const ids = chosen ?? current;
  const isChanged = ids.toSorted().join() !== current.toSorted().join();
  const save = (): void =>
    change.mutate({ kind: 'container', body: { credentials: [...ids] } }, { onSuccess: () => setChosen(null) });
  return (
    <Section
      title="Credentials"
      mayChange={mayChange && all.length > 0}
      isChanged={isChanged}
      isPending={change.isPending}
      onSave={save}
    >
      {all.length === 0 && <p className={styles.note}>There are no credentials that it could use.</p>}
      {all.map(({ id, name, kind }) => (
        <label key={id} className={styles.choice}>
          <input
            type="checkbox"
            checked={ids.includes(id)}
            onChange={({ target }) => setChosen(target.checked ? [...ids, id] : ids.filter((one) => one !== id))}
          />
          {name} <span className={styles.note}>{kind.replaceAll('_', ' ')}</span>
        </label>
      ))}
      {change.errors['credentials'] !== undefined && <p className={styles.error}>{change.errors['credentials']}</p>}
    </Section>
  );
}
