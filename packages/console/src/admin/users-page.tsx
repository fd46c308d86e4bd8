import type { components } from '@devforge/contract';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { fieldErrors } from '../api/api-error.ts';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { useMay, useMe } from '../session/me.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { formatDate } from '../ui/format.ts';
import { InputField } from '../ui/input-field.tsx';
import { TableScroll } from '../ui/table-scroll.tsx';
import { Loading } from '../ui/loading.tsx';
import { showFailure, showUnlessAtFields } from '../ui/toasts.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';
import { SecretOnce } from './secret-once.tsx';
import { USERS_KEY, useUsers } from './use-users.ts';

type User = components['schemas']['UserDto'];
const refresh = (): void => void queryClient.invalidateQueries({ queryKey: USERS_KEY });

export function UsersPage() {
  const { data, error, refetch } = useUsers();
  const may = useMay();
  const [link, setLink] = useState<string | null>(null);
  useTitle('Users');
  if (data === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  const mayManage = may('user:manage');
  return (
    <>
      <h1>Users</h1>
      {link !== null && (
        <SecretOnce
          text="Give this link to the person: it works once, and sets a password."
          secret={link}
          onClose={() => setLink(null)}
        />
      )}
      {data.items.length === 0 && <Empty title="No users yet" text="People who are invited sign in with a password." />}
      {data.items.length > 0 && (
        <TableScroll label="Users">
          <thead>
            <tr>
              <th>Name</th>
              <th>Address</th>
              <th>Role</th>
              <th>Status</th>
              <th>Last sign-in</th>
              {mayManage && (
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {data.items.map((user) => (
              <UserRow key={user.id} user={user} mayManage={mayManage} onInvited={setLink} />
            ))}
          </tbody>
        </TableScroll>
      )}
      {mayManage && <Invite onInvited={setLink} />}
    </>
  );
}

function UserRow({ user, mayManage, onInvited }: { user: User; mayManage: boolean; onInvited: (url: string) => void }) {
  const { id, name, email, role, status, disabled, lastSignInAt } = user;
  const me = useMe();
  const params = { path: { id } };
  const onError = (error: Error): void => showFailure(`${name} was not changed`, error);
  const change = useMutation({
    mutationFn: (body: components['schemas']['UpdateUserDto']) => must(api.PATCH('/api/users/{id}', { params, body })),
    onError,
    onSettled: refresh,
  });
  const invite = useMutation({
    mutationFn: () => must(api.POST('/api/users/{id}/invitation', { params })),
    onSuccess: ({ invitationUrl }) => onInvited(invitationUrl),
    onError,
  });
  const [isDeleting, setIsDeleting] = useState(false);
  const remove = useMutation({
    mutationFn: () => must(api.DELETE('/api/users/{id}', { params })),
    onError: (error) => showFailure(`${name} was not deleted`, error),
    onSettled: () => {
      setIsDeleting(false);
      refresh();
    },
  });
  const isMe = id === me.id;
  return (
    <tr>
      <td>{name}</td>
      <td>{email}</td>
      <td>
        {mayManage && !isMe ? (
          <select
            className={styles.select}
            aria-label={`Role of ${name}`}
            value={role}
            onChange={({ target }) => change.mutate({ role: target.value as User['role'] })}
          >
            <option>user</option>
            <option>admin</option>
          </select>
        ) : (
          role
        )}
      </td>
      <td>{status}</td>
      <td>{lastSignInAt === null ? 'never' : formatDate(lastSignInAt)}</td>
      {mayManage && (
        <td className={styles.actions}>
          {status !== 'disabled' && (
            <Button look="quiet" aria-label={`New link for ${name}`} onClick={() => invite.mutate()}>
              New link
            </Button>
          )}
          {!isMe && (
            <Button
              look="quiet"
              aria-label={`${disabled ? 'Enable' : 'Disable'} ${name}`}
              onClick={() => change.mutate({ disabled: !disabled })}
            >
              {disabled ? 'Enable' : 'Disable'}
            </Button>
          )}
          {!isMe && (
            <Button look="quiet" aria-label={`Delete ${name}`} onClick={() => setIsDeleting(true)}>
              Delete
            </Button>
          )}
          {isDeleting && (
            <ConfirmDialog
              title={`Delete ${name}?`}
              text="The memberships, sessions and API keys of the user are deleted too; the containers stay. This cannot be undone."
              action="Delete"
              isPending={remove.isPending}
              onConfirm={() => remove.mutate()}
              onClose={() => setIsDeleting(false)}
            />
          )}
        </td>
      )}
    </tr>
  );
}

function Invite({ onInvited }: { onInvited: (url: string) => void }) {
  const [draft, setDraft] = useState({ name: '', email: '' });
  const invite = useMutation({
    mutationFn: () => must(api.POST('/api/users', { body: draft as components['schemas']['CreateUserDto'] })),
    onSuccess: ({ invitationUrl }) => {
      onInvited(invitationUrl);
      setDraft({ name: '', email: '' });
    },
    onError: (error) => {
      showUnlessAtFields('Nobody was invited', error);
    },
    onSettled: refresh,
  });
  const errors = fieldErrors(invite.error);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    invite.mutate();
  };
  return (
    <form className={styles.inline} onSubmit={submit} aria-label="Invite somebody">
      <InputField
        label="Name"
        error={errors['name']}
        required
        value={draft.name}
        onChange={(name) => setDraft({ ...draft, name })}
      />
      <InputField
        label="E-mail address"
        error={errors['email']}
        type="email"
        required
        value={draft.email}
        onChange={(email) => setDraft({ ...draft, email })}
      />
      <Button type="submit" disabled={invite.isPending}>
        Invite
      </Button>
    </form>
  );
}
