import type { Container } from '../api/types.ts';
import { Field } from '../ui/field.tsx';
import styles from './new-container.module.css';

type Sets = Container['egressSets'];

/** What a form holds of an egress policy. */
export interface EgressDraft {
  egress: '' | Container['egress'];
  egressSets: Sets;
  egressAllow: string;
}

export const EGRESS_MODES: [EgressDraft['egress'], string][] = [
  ['open', 'Everything'],
  ['restricted', 'Only what is listed'],
  ['none', 'Nothing'],
];
const SETS: [Sets[number], string][] = [
  ['git', 'Git hosting'],
  ['model', "The model's API"],
  ['packages', 'Package registries'],
];

interface EgressFieldsProps {
  modes: readonly [EgressDraft['egress'], string][];
  draft: EgressDraft;
  errors: Record<string, string>;
  set: (change: Partial<EgressDraft>) => void;
}

/** What a container may connect to. */
export function EgressFields({ modes, draft, errors, set }: EgressFieldsProps) {
  const { egress, egressSets, egressAllow } = draft;
  return (
    <>
      <div className={styles.pair}>
        <Field label="May connect to" error={errors['egress']}>
          {(control) => (
            <select
              {...control}
              value={egress}
              onChange={(event) => set({ egress: event.target.value as EgressDraft['egress'] })}
            >
              {modes.map(([mode, label]) => (
                <option key={mode} value={mode}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {egress === 'restricted' && (
        <>
          <div className={styles.choices} role="group" aria-label="Sets of hosts">
            {SETS.map(([name, label]) => (
              <label key={name} className={styles.choice}>
                <input
                  type="checkbox"
                  checked={egressSets.includes(name)}
                  onChange={({ target }) =>
                    set({
                      egressSets: target.checked ? [...egressSets, name] : egressSets.filter((one) => one !== name),
                    })
                  }
                />
                {label}
              </label>
            ))}
          </div>
          <Field
            label="Further hosts"
            error={errors['egressAllow']}
            hint="One in each line: example.org, *.example.org:8443"
          >
            {(control) => (
              <textarea
                {...control}
                rows={3}
                spellCheck={false}
                value={egressAllow}
                onChange={(event) => set({ egressAllow: event.target.value })}
              />
            )}
          </Field>
        </>
      )}
    </>
  );
}
