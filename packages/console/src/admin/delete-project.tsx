import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../api/client.ts';
import { queryClient, SESSION_KEY } from '../api/query-client.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Section } from '../ui/section.tsx';
import { showFailure } from '../ui/toasts.tsx';
import { PROJECTS_KEY } from './projects-page.tsx';

/** A project with containers is not deleted. @param containers how many it has */
export function DeleteProject({ id, name, containers }: { id: string; name: string; containers: number }) {
  const [isAsked, setIsAsked] = useState(false);
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => must(api.DELETE('/api/projects/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      await navigate({ to: '/admin/projects' });
      void queryClient.invalidateQueries({ queryKey: PROJECTS_KEY });
      void queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    },
    onError: (error) => {
      setIsAsked(false);
      showFailure(`${name} was not deleted`, error);
    },
  });
  return (
    <Section title="Delete the project">
      <p className="note">
        {containers > 0
          ? 'Its containers and kept volumes have to be deleted before.'
          : 'Its API keys and credentials are deleted with it.'}
      </p>
      <div>
        <Button look="danger" disabled={containers > 0} onClick={() => setIsAsked(true)}>
          Delete {name}
        </Button>
      </div>
      {isAsked && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          text="Its members lose their access, and its API keys and credentials end. This cannot be undone."
          action="Delete"
          isPending={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setIsAsked(false)}
        />
      )}
    </Section>
  );
}
