import { InputField } from '../ui/input-field.tsx';
import { LinesField } from '../ui/lines-field.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

/** What the workspace is made of, and how it is prepared. */
export function SoftwareFields({ draft, set, errors }: FieldsProps) {
  return (
    <fieldset className={styles.group}>
      <legend>Software</legend>
      <div className={styles.pair}>
        <InputField
          label="Image"
          error={errors['image']}
          hint="Empty for that of the server. Claude Code and VS Code are laid over it."
          autoComplete="off"
          placeholder="debian:trixie"
          value={draft.image}
          onChange={(image) => set({ image })}
        />
        <InputField
          label="Packages"
          error={errors['packages']}
          hint="Of its distribution, with spaces between them."
          autoComplete="off"
          placeholder="postgresql-client"
          value={draft.packages}
          onChange={(packages) => set({ packages })}
        />
      </div>
      <LinesField
        label="Command that prepares the workspace"
        error={errors['setup']}
        hint="Runs in /workspace after the clone, such as npm ci."
        value={draft.setup}
        onChange={(setup) => set({ setup })}
      />
    </fieldset>
  );
}
