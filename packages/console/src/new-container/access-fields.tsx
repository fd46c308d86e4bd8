import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { useMay } from '../session/me.ts';
import { Choices } from '../ui/choices.tsx';
import { LinesField } from '../ui/lines-field.tsx';
import { EGRESS_MODES, type EgressDraft, EgressFields } from './egress-fields.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

const MODES: [EgressDraft['egress'], string][] = [['', 'The default of its mode'], ...EGRESS_MODES];

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
        <Choices
          label="Credentials"
          error={errors['credentials']}
          options={credentials.items.map(({ id, name, kind }) => [id, `${name} (${kind.replaceAll('_', ' ')})`])}
          chosen={draft.credentials}
          onChange={(chosen) => set({ credentials: chosen })}
        />
      )}
      <LinesField
        label="Environment variables"
        error={errors['env']}
        hint="NAME=value in each line. Programs in the container can read them."
        value={draft.env}
        onChange={(env) => set({ env })}
      />
    </fieldset>
  );
}
