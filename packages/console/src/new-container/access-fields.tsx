import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { useMay } from '../session/me.ts';
import { Field } from '../ui/field.tsx';
import { EGRESS_MODES, type EgressDraft, EgressFields } from './egress-fields.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

const MODES: [EgressDraft['egress'], string][] = [['', 'The default of its mode'], ...EGRESS_MODES];

const without = <Value,>(list: Value[], value: Value, isIn: boolean): Value[] =>
  isIn ? [...list, value] : list.filter((one) => one !== value);

/** Secrets that the container may use, and what it may reach. */
export function AccessFields({ draft, set, errors }: FieldsProps) {
  const may = useMay();
  const { data: credentials } = useQuery({
    queryKey: ['credentials'],
    queryFn: () => must(api.GET('/api/credentials')),
    enabled: may('credential:read'),
  });
  return (
    <fieldset className={styles.group}>
      <legend>Credentials and network</legend>
      <EgressFields modes={MODES} draft={draft} errors={errors} set={set} />
      {credentials !== undefined && credentials.items.length > 0 && (
        <div role="group" aria-label="Credentials" className={styles.choices}>
          {credentials.items.map(({ id, name, kind }) => (
            <label key={id} className={styles.choice}>
              <input
                type="checkbox"
                checked={draft.credentials.includes(id)}
                onChange={(event) => set({ credentials: without(draft.credentials, id, event.target.checked) })}
              />
              {name} ({kind.replaceAll('_', ' ')})
            </label>
          ))}
        </div>
      )}
      {errors['credentials'] !== undefined && <p className={styles.error}>{errors['credentials']}</p>}
      <Field
        label="Environment variables"
        error={errors['env']}
        hint="NAME=value in each line. Programs in the container can read them."
      >
        {(control) => (
          <textarea
            {...control}
            rows={3}
            spellCheck={false}
            value={draft.env}
            onChange={(event) => set({ env: event.target.value })}
          />
        )}
      </Field>
    </fieldset>
  );
}
