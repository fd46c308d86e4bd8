import { useMutation } from '@tanstack/react-query';
import type { components } from '@devforge/contract';
import { useState } from 'react';
import { fieldErrors } from '../api/api-error.ts';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { InputField } from '../ui/input-field.tsx';
import { EditableSection, FieldGrid } from '../ui/section.tsx';
import { showMessage, showUnlessAtFields } from '../ui/toasts.tsx';

type Project = components['schemas']['ProjectDto'];

const QUOTAS = [
  ['containers', 'Containers'],
  ['running', 'Running containers'],
  ['cpu', 'CPU, cores'],
  ['memoryMB', 'Memory, MiB'],
  ['diskMB', 'Disk, MiB'],
  ['instructions', 'Instructions at once'],
  ['snapshotMB', 'Snapshots, MiB'],
] as const;
const BUDGETS = [
  ['day', 'US dollars a day'],
  ['month', 'US dollars a month'],
] as const;

type Typed = Record<string, string>;

/** The limits of a project; an empty field is no limit. */
export function QuotasSection({ project }: { project: Project }) {
  const current: Typed = Object.fromEntries([
    ...QUOTAS.map(([name]) => [name, String(project.quotas[name] ?? '')]),
    ...BUDGETS.map(([name]) => [name, String(project.budgetUsd[name] ?? '')]),
  ]);
  const [typed, setTyped] = useState<Typed>({});
  const values: Typed = { ...current, ...typed };
  const numbers = (names: readonly (readonly [string, string])[]) =>
    Object.fromEntries(names.filter(([name]) => values[name] !== '').map(([name]) => [name, Number(values[name])]));
  const save = useMutation({
    mutationFn: () => {
      const body = { quotas: numbers(QUOTAS), budgetUsd: numbers(BUDGETS) };
      return must(api.PATCH('/api/projects/{id}', { params: { path: { id: project.id } }, body }));
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['project', project.id] });
      setTyped({});
      showMessage('Saved');
    },
    onError: (error) => {
      showUnlessAtFields('The quotas were not saved', error);
    },
  });
  const errors = fieldErrors(save.error);
  return (
    <EditableSection
      title="Quotas and budgets"
      mayChange
      isChanged={Object.keys(typed).some((name) => typed[name] !== current[name])}
      isPending={save.isPending}
      onSave={() => save.mutate()}
    >
      <FieldGrid>
        {[...QUOTAS, ...BUDGETS].map(([name, label]) => (
          <InputField
            key={name}
            label={label}
            error={errors[`quotas.${name}`] ?? errors[`budgetUsd.${name}`]}
            type="number"
            min={0}
            step="any"
            placeholder="no limit"
            value={values[name] ?? ''}
            onChange={(value) => setTyped({ ...typed, [name]: value })}
          />
        ))}
      </FieldGrid>
    </EditableSection>
  );
}
