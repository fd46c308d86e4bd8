import { useMe } from '../session/me.ts';
import { Choices } from '../ui/choices.tsx';
import { InputField } from '../ui/input-field.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

const ALSO = [
  ['submodules', 'Submodules'],
  ['lfs', 'Files of Git LFS'],
] as const;

export function RepositoryFields({ draft, set, errors }: FieldsProps) {
  const me = useMe();
  return (
    <fieldset className={styles.group}>
      <legend>Repository</legend>
      <div className={styles.pair}>
        <InputField
          label="Address"
          error={errors['repoUrl']}
          hint="Empty for an empty workspace."
          autoComplete="off"
          placeholder="https://github.com/owner/repository.git"
          value={draft.repoUrl}
          onChange={(repoUrl) => set({ repoUrl })}
        />
      </div>
      {draft.repoUrl.trim() !== '' && (
        <div className={styles.pair}>
          <InputField
            label="Branch, tag or commit"
            error={errors['repoBranch']}
            hint="Empty for the default branch."
            autoComplete="off"
            value={draft.repoBranch}
            onChange={(repoBranch) => set({ repoBranch })}
          />
          <InputField
            label="Commits of its history"
            error={errors['depth']}
            hint="Empty for all of them."
            type="number"
            min={1}
            value={draft.depth}
            onChange={(depth) => set({ depth })}
          />
          {me.kind === 'administrator' && (
            <InputField
              label="SSH key on the server"
              error={errors['sshKeyPath']}
              hint="A path in SSH_KEYS_DIR."
              autoComplete="off"
              value={draft.sshKeyPath}
              onChange={(sshKeyPath) => set({ sshKeyPath })}
            />
          )}
        </div>
      )}
      {draft.repoUrl.trim() !== '' && (
        <Choices
          label="Also clone"
          error={errors['submodules'] ?? errors['lfs']}
          options={ALSO}
          chosen={ALSO.map(([name]) => name).filter((name) => draft[name])}
          onChange={(chosen) => set({ submodules: chosen.includes('submodules'), lfs: chosen.includes('lfs') })}
        />
      )}
      <div className={styles.pair}>
        <InputField
          label="Name in commits"
          error={errors['gitName']}
          value={draft.gitName}
          onChange={(gitName) => set({ gitName })}
        />
        <InputField
          label="Email in commits"
          error={errors['gitEmail']}
          value={draft.gitEmail}
          onChange={(gitEmail) => set({ gitEmail })}
        />
      </div>
    </fieldset>
  );
}
