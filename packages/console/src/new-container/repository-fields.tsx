import { useMe } from '../session/me.ts';
import { Field } from '../ui/field.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

export function RepositoryFields({ draft, set, errors }: FieldsProps) {
  const me = useMe();
  return (
    <fieldset className={styles.group}>
      <legend>Repository</legend>
      <div className={styles.pair}>
        <Field label="Address" error={errors['repoUrl']} hint="Empty for an empty workspace.">
          {(control) => (
            <input
              {...control}
              autoComplete="off"
              spellCheck={false}
              placeholder="https://github.com/owner/repository.git"
              value={draft.repoUrl}
              onChange={(event) => set({ repoUrl: event.target.value })}
            />
          )}
        </Field>
      </div>
      {draft.repoUrl.trim() !== '' && (
        <div className={styles.pair}>
          <Field label="Branch, tag or commit" error={errors['repoBranch']} hint="Empty for the default branch.">
            {(control) => (
              <input
                {...control}
                autoComplete="off"
                spellCheck={false}
                value={draft.repoBranch}
                onChange={(event) => set({ repoBranch: event.target.value })}
              />
            )}
          </Field>
          {me.kind === 'administrator' && (
            <Field label="SSH key on the server" error={errors['sshKeyPath']} hint="A path in SSH_KEYS_DIR.">
              {(control) => (
                <input
                  {...control}
                  autoComplete="off"
                  spellCheck={false}
                  value={draft.sshKeyPath}
                  onChange={(event) => set({ sshKeyPath: event.target.value })}
                />
              )}
            </Field>
          )}
        </div>
      )}
      <div className={styles.pair}>
        <Field label="Name in commits" error={errors['gitName']}>
          {(control) => (
            <input {...control} value={draft.gitName} onChange={(event) => set({ gitName: event.target.value })} />
          )}
        </Field>
        <Field label="Email in commits" error={errors['gitEmail']}>
          {(control) => (
            <input {...control} value={draft.gitEmail} onChange={(event) => set({ gitEmail: event.target.value })} />
          )}
        </Field>
      </div>
    </fieldset>
  );
}
