import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { Field } from '../ui/field.tsx';
import type { Draft } from './draft.ts';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

type Limit = 'cpuLimit' | 'memoryLimit' | 'diskLimit';

const LIMITS: [Limit, string, number][] = [
  ['cpuLimit', 'CPU, cores', 0.1],
  ['memoryLimit', 'Memory, MiB', 1],
  ['diskLimit', 'Disk, MiB', 1],
];

export function ResourceFields({ draft, set, errors }: FieldsProps) {
  const { data: info } = useQuery({
    queryKey: ['info'],
    queryFn: () => must(api.GET('/api/info')),
    staleTime: Infinity,
  });
  const { data: volumes } = useQuery({ queryKey: ['volumes'], queryFn: () => must(api.GET('/api/volumes')) });
  const free = (volumes?.items ?? []).filter(({ attachedTo }) => attachedTo === null);
  return (
    <fieldset className={styles.group}>
      <legend>Resources</legend>
      <div className={styles.pair}>
        {LIMITS.map(([name, label, step]) => {
          const range = info?.limits[name];
          return (
            <Field
              key={name}
              label={label}
              error={errors[name]}
              {...(range && { hint: `${range.min} to ${range.max}` })}
            >
              {(control) => (
                <input
                  {...control}
                  type="number"
                  step={step}
                  min={range?.min}
                  max={range?.max}
                  value={draft[name]}
                  onChange={(event) => set({ [name]: event.target.value } as Partial<Draft>)}
                />
              )}
            </Field>
          );
        })}
      </div>
      {free.length > 0 && (
        <Field label="Files" error={errors['volume']} hint="The kept /workspace of a container that was deleted.">
          {(control) => (
            <select {...control} value={draft.volume} onChange={(event) => set({ volume: event.target.value })}>
              <option value="">A new workspace</option>
              {free.map(({ id, containerName }) => (
                <option key={id} value={id}>
                  {containerName}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
    </fieldset>
  );
}
