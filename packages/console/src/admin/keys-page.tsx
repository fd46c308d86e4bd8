import type { components } from '@devforge/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { fieldErrors } from '../api/api-error.ts';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { may, useMe } from '../session/me.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { formatDate } from '../ui/format.ts';
import { InputField } from '../ui/input-field.tsx';
import { Loading } from '../ui/loading.tsx';
import { SelectField } from '../ui/select-field.tsx';
import { TableScroll } from '../ui/table-scroll.tsx';
import { showFailure, showUnlessAtFields } from '../ui/toasts.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';
import { ROLES } from './members-section.tsx';
import { useProjects } from './projects-page.tsx';
import { SecretOnce } from './secret-once.tsx';

type Role = NonNullable<components['schemas']['CreateApiKeyDto']['role']>;

const KEYS_KEY = ['api-keys'] as const;
const refresh = (): void => void queryClient.invalidateQueries({ queryKey: KEYS_KEY });

export function KeysPage() {
  const { data, error, refetch } = useQuery({ queryKey: KEYS_KEY, queryFn: () => must(api.GET('/api/api-keys')) });
  const { data: projects } = useProjects();
  const [secret, setSecret] = useState<string | null>(null);
  const [revoked, setRevoked] = useState<{ id: string; name: string } | null>(null);
  const revoke = useMutation({
    mutationFn: (id: string) => must(api.DELETE('/api/api-keys/{id}', { params: { path: { id } } })),
    onError: (failure) => showFailure('The key was not revoked', failure),
    onSettled: () => {
      setRevoked(null);
      refresh();
    },
  });
  useTitle('API keys');
  if (data === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  const nameOf = (id: string | null): string =>
    id === null ? 'your own' : (projects?.items.find((one) => one.id === id)?.name ?? id);
  return (
    <>
      <h1>API keys</h1>
      {secret !== null && (
        <SecretOnce text="Copy the key now: it is not shown again." secret={secret} onClose={() => setSecret(null)} />
      )}
      {data.items.length === 0 && <Empty title="No keys yet" text="A key is for a program that uses the API." />}
      {data.items.length > 0 && (
        <TableScroll label="API keys">
          <thead>
            <tr>
              <th>Name</th>
              <th>Project</th>
              <th>Role</th>
              <th>Last used</th>
              <th>Expires</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.items.map(({ id, name, projectId, role, lastUsedAt, expiresAt }) => (
              <tr key={id}>
                <td>{name}</td>
                <td>{nameOf(projectId)}</td>
                <td>{projectId === null ? '' : role}</td>
                <td>{lastUsedAt === null ? 'never' : formatDate(lastUsedAt)}</td>
                <td>{expiresAt === null ? 'never' : formatDate(expiresAt)}</td>
                <td className={styles.actions}>
                  <Button look="quiet" aria-label={`Revoke ${name}`} onClick={() => setRevoked({ id, name })}>
                    Revoke
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </TableScroll>
      )}
      {revoked !== null && (
        <ConfirmDialog
          title={`Revoke ${revoked.name}?`}
          text="Programs that use the key are refused from now on. This cannot be undone."
          action="Revoke"
          isPending={revoke.isPending}
          onConfirm={() => revoke.mutate(revoked.id)}
          onClose={() => setRevoked(null)}
        />
      )}
      <NewKey onMade={setSecret} />
    </>
  );
}

function NewKey({ onMade }: { onMade: (key: string) => void }) {
  const me = useMe();
  const { data } = useProjects();
  const projects = (data?.items ?? []).filter(({ id }) => may(me, 'api-key:manage', id));
  const isUser = me.kind === 'user';
  const [draft, setDraft] = useState({ name: '', projectId: '', role: 'member' as Role, expires: '' });
  const projectId = draft.projectId === '' && !isUser ? (projects[0]?.id ?? '') : draft.projectId;
  const make = useMutation({
    mutationFn: () => {
      const { name, role, expires } = draft;
      const body = {
        name,
        ...(projectId !== '' && { projectId, role }),
        ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }),
      };
      return must(api.POST('/api/api-keys', { body: body as components['schemas']['CreateApiKeyDto'] }));
    },
    onSuccess: ({ key }) => {
      onMade(key);
      setDraft({ ...draft, name: '' });
    },
    onError: (error) => {
      showUnlessAtFields('The key was not made', error);
    },
    onSettled: refresh,
  });
  const errors = fieldErrors(make.error);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <form className={styles.inline} onSubmit={submit}>
      <InputField
        label="New key"
        error={errors['name']}
        required
        placeholder="what it is for"
        value={draft.name}
        onChange={(name) => setDraft({ ...draft, name })}
      />
      <SelectField
        label="Project"
        error={errors['projectId']}
        options={[
          ...(isUser ? [['', 'As yourself'] as const] : []),
          ...projects.map(({ id, name }) => [id, name] as const),
        ]}
        value={projectId}
        onChange={(next) => setDraft({ ...draft, projectId: next })}
      />
      {projectId !== '' && (
        <SelectField
          label="Role"
          error={errors['role']}
          options={ROLES.map((role) => [role, role])}
          value={draft.role}
          onChange={(role) => setDraft({ ...draft, role })}
        />
      )}
      <InputField
        label="Expires"
        error={errors['expiresAt']}
        type="date"
        value={draft.expires}
        onChange={(expires) => setDraft({ ...draft, expires })}
      />
      <Button type="submit" disabled={make.isPending}>
        Create
      </Button>
    </form>
  );
}
