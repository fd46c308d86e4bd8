import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { useMay } from '../session/me.ts';
import { Button } from '../ui/button.tsx';
import { Section } from '../ui/section.tsx';
import { TableScroll } from '../ui/table-scroll.tsx';
import { showFailure } from '../ui/toasts.tsx';
import styles from './admin.module.css';
import { useUsers } from './use-users.ts';

export const ROLES = ['viewer', 'member', 'owner'] as const;
type Role = (typeof ROLES)[number];

/** Who is in a project. */
export function MembersSection({ projectId, mayManage }: { projectId: string; mayManage: boolean }) {
  const key = ['project', projectId, 'members'];
  const { data } = useQuery({
    queryKey: key,
    queryFn: () => must(api.GET('/api/projects/{id}/members', { params: { path: { id: projectId } } })),
  });
  const refresh = (): void => void queryClient.invalidateQueries({ queryKey: key });
  const put = useMutation({
    mutationFn: ({ userId, role }: { userId: string; role: Role }) => {
      const params = { path: { id: projectId, userId } };
      return must(api.PUT('/api/projects/{id}/members/{userId}', { params, body: { role } }));
    },
    onError: (error) => showFailure('The member was not changed', error),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (userId: string) =>
      must(api.DELETE('/api/projects/{id}/members/{userId}', { params: { path: { id: projectId, userId } } })),
    onError: (error) => showFailure('The member was not removed', error),
    onSettled: refresh,
  });
  const members = data?.items ?? [];
  return (
    <Section title="Members">
      {members.length === 0 && <p className="note">Nobody is a member.</p>}
      {members.length > 0 && (
        <TableScroll label="Members">
          <tbody>
            {members.map(({ userId, name, email, role }) => (
              <tr key={userId}>
                <td>{name}</td>
                <td>{email}</td>
                <td>
                  {mayManage ? (
                    <RoleSelect
                      label={`Role of ${name}`}
                      role={role}
                      onChange={(next) => put.mutate({ userId, role: next })}
                    />
                  ) : (
                    role
                  )}
                </td>
                {mayManage && (
                  <td>
                    <Button look="quiet" aria-label={`Remove ${name}`} onClick={() => remove.mutate(userId)}>
                      Remove
                    </Button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </TableScroll>
      )}
      {mayManage && (
        <NewMember known={members.map(({ userId }) => userId)} onAdd={(userId, role) => put.mutate({ userId, role })} />
      )}
    </Section>
  );
}

function NewMember({ known, onAdd }: { known: readonly string[]; onAdd: (userId: string, role: Role) => void }) {
  const may = useMay();
  const { data } = useUsers(may('user:read'));
  const [userId, setUserId] = useState('');
  const [role, setRole] = useState<Role>('member');
  const users = (data?.items ?? []).filter(({ id }) => !known.includes(id));
  if (users.length === 0) return null;
  return (
    <div className={styles.inline}>
      <select
        className={styles.select}
        aria-label="User to add"
        value={userId}
        onChange={(event) => setUserId(event.target.value)}
      >
        <option value="">Choose a user</option>
        {users.map(({ id, name, email }) => (
          <option key={id} value={id}>{`${name} (${email})`}</option>
        ))}
      </select>
      <RoleSelect label="Role of the new member" role={role} onChange={setRole} />
      <Button
        disabled={userId === ''}
        onClick={() => {
          onAdd(userId, role);
          setUserId('');
        }}
      >
        Add
      </Button>
    </div>
  );
}

function RoleSelect({ label, role, onChange }: { label: string; role: Role; onChange: (role: Role) => void }) {
  return (
    <select
      className={styles.select}
      aria-label={label}
      value={role}
      onChange={(event) => onChange(event.target.value as Role)}
    >
      {ROLES.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}
