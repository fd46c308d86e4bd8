import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { formatDate } from '../ui/format.ts';
import { SelectField } from '../ui/select-field.tsx';
import { LimitFields } from './limit-fields.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

export function ResourceFields({ draft, set, errors }: FieldsProps) {
  const { data: volumes } = useQuery({ queryKey: ['volumes'], queryFn: () => must(api.GET('/api/volumes')) });
  const { data: snapshots } = useQuery({ queryKey: ['snapshots'], queryFn: () => must(api.GET('/api/snapshots')) });
  const free = (volumes?.items ?? []).filter(({ attachedTo }) => attachedTo === null);
  const kept = free.map(({ id, containerName }) => [id, containerName] as const);
  return (
    <fieldset className={styles.group}>
      <legend>Resources</legend>
      <div className={styles.pair}>
        <LimitFields values={draft} errors={errors} set={(name, value) => set({ [name]: value })} />
      </div>
      {snapshots !== undefined && snapshots.items.length > 0 && (
        <SelectField
          label="Snapshot"
          error={errors['fromSnapshot']}
          hint="The files that it begins with, instead of a repository; of the same template."
          options={[
            ['', 'None'],
            ...snapshots.items.map(
              ({ id, containerName, createdAt }) => [id, `${containerName}, ${formatDate(createdAt)}`] as const,
            ),
          ]}
          value={draft.fromSnapshot}
          onChange={(fromSnapshot) => set({ fromSnapshot })}
        />
      )}
      {kept.length > 0 && (
        <SelectField
          label="Files"
          error={errors['volume']}
          hint="The kept /workspace of a container that was deleted, instead of a repository."
          options={[['', 'A new workspace'], ...kept]}
          value={draft.volume}
          onChange={(volume) => set({ volume })}
        />
      )}
    </fieldset>
  );
}
