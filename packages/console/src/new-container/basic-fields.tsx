import { useMe } from '../session/me.ts';
import { InputField } from '../ui/input-field.tsx';
import { SelectField } from '../ui/select-field.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

const TEMPLATES = [
  ['both', 'Claude Code and VS Code'],
  ['claude', 'Claude Code'],
  ['vscode', 'VS Code'],
] as const;
const MODES = [
  ['interactive', 'Interactive'],
  ['autonomous', 'Autonomous'],
] as const;

export function BasicFields({ draft, set, errors }: FieldsProps) {
  const projects = useMe().projects.filter(({ permissions }) => permissions.includes('container:create'));
  return (
    <fieldset className={styles.group}>
      <legend>Workspace</legend>
      <div className={styles.pair}>
        <InputField
          label="Name"
          error={errors['name']}
          hint="Lower case letters, digits and hyphens."
          required
          autoComplete="off"
          placeholder="my-project"
          value={draft.name}
          onChange={(name) => set({ name })}
        />
        {projects.length > 1 && (
          <SelectField
            label="Project"
            error={errors['projectId']}
            options={[['', 'Default'], ...projects.map(({ id, name }) => [id, name] as const)]}
            value={draft.projectId}
            onChange={(projectId) => set({ projectId })}
          />
        )}
      </div>
      <div className={styles.pair}>
        <SelectField
          label="What is installed"
          error={errors['template']}
          options={TEMPLATES}
          value={draft.template}
          onChange={(template) => set({ template })}
        />
        <SelectField
          label="Mode"
          error={errors['mode']}
          hint={
            draft.mode === 'interactive'
              ? 'Claude Code asks before it does something.'
              : 'Claude Code works on instructions and asks nothing.'
          }
          options={MODES}
          value={draft.mode}
          onChange={(mode) => set({ mode })}
        />
      </div>
    </fieldset>
  );
}
