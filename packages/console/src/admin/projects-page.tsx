import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { fieldErrors } from '../api/api-error.ts';
import { api, must } from '../api/client.ts';
import { queryClient, SESSION_KEY } from '../api/query-client.ts';
import { useMay } from '../session/me.ts';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { formatDate } from '../ui/format.ts';
import { InputField } from '../ui/input-field.tsx';
import { TableScroll } from '../ui/table-scroll.tsx';
import { Loading } from '../ui/loading.tsx';
import { showFailure } from '../ui/toasts.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';

export const PROJECTS_KEY = ['projects'] as const;

export function useProjects() {
  return useQuery({ queryKey: PROJECTS_KEY, queryFn: () => must(api.GET('/api/projects')) });
}

export function ProjectsPage() {
  const { data, error, refetch } = useProjects();
  const may = useMay();
  useTitle('Projects');
  if (data === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <h1>Projects</h1>
      {data.items.length === 0 && (
        <Empty title="You are in no project" text="An owner of a project can add you to it." />
      )}
      {data.items.length > 0 && (
        <TableScroll label="Projects">
          <thead>
            <tr>
              <th>Name</th>
              <th>Since</th>
            </tr>
          </thead>
          <tbody>
            {data.items.map(({ id, name, createdAt }) => (
              <tr key={id}>
                <td>
                  <Link to="/admin/projects/$id" params={{ id }}>
                    {name}
                  </Link>
                </td>
                <td>{formatDate(createdAt)}</td>
              </tr>
            ))}
          </tbody>
        </TableScroll>
      )}
      {may('project:manage') && <NewProject />}
    </>
  );
}

function NewProject() {
  const [name, setName] = useState('');
  const navigate = useNavigate();
  const make = useMutation({
    mutationFn: () => must(api.POST('/api/projects', { body: { name } })),
    onSuccess: async ({ id }) => {
      await queryClient.invalidateQueries({ queryKey: PROJECTS_KEY });
      void queryClient.invalidateQueries({ queryKey: SESSION_KEY });
      void navigate({ to: '/admin/projects/$id', params: { id } });
    },
    onError: (error) => {
      if (fieldErrors(error)['name'] === undefined) showFailure('The project was not made', error);
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <form className={styles.inline} onSubmit={submit}>
      <InputField
        label="New project"
        error={fieldErrors(make.error)['name']}
        required
        value={name}
        onChange={setName}
      />
      <Button type="submit" disabled={make.isPending}>
        Create
      </Button>
    </form>
  );
}
