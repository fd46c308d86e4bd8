import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client.ts';
import { Choices } from '../../ui/choices.tsx';
import { EditableSection } from '../../ui/section.tsx';
import { useThisContainer } from '../container-context.ts';
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
  const [chosen, setChosen] = useState<string[] | null>(null);
  const current = container.credentials.map(({ id }) => id);
  const usable = (data?.items ?? []).filter((one) => one.projectId === null || one.projectId === projectId);
  const all = [...usable, ...container.credentials.filter(({ id }) => !usable.some((one) => one.id === id))];
  const ids = chosen ?? current;
  const isChanged = ids.toSorted().join() !== current.toSorted().join();
  const save = (): void =>
    change.mutate({ kind: 'container', body: { credentials: ids } }, { onSuccess: () => setChosen(null) });
  return (
    <EditableSection
      title="Credentials"
      mayChange={mayChange && all.length > 0}
      isChanged={isChanged}
      isPending={change.isPending}
      onSave={save}
    >
      {all.length === 0 && <p className="note">There are no credentials that it could use.</p>}
      {all.length > 0 && (
        <Choices
          label="May use"
          error={change.errors['credentials']}
          options={all.map(({ id, name, kind }) => [id, `${name} (${kind.replaceAll('_', ' ')})`])}
          chosen={ids}
          onChange={setChosen}
        />
      )}
    </EditableSection>
  );
}
