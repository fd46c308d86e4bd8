import { useMe } from '../session/me.ts';
import { Field } from '../ui/field.tsx';
import type { Draft } from './draft.ts';
import type { FieldsProps } from './new-container-page.tsx';
import styles from './new-container.module.css';

export function BasicFields({ draft, set, errors }: FieldsProps) {
  const projects = useMe().projects.filter(({ permissions }) => permissions.includes('container:create'));
  return (
    <fieldset className={styles.group}>
      <legend>Workspace</legend>
      <div className={styles.pair}>
        <Field label="Name" error={errors['name']} hint="Lower case letters, digits and hyphens.">
          {(control) => (
            <input
              {...control}
              required
              autoComplete="off"
              spellCheck={false}
              placeholder="my-project"
              value={draft.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        {projects.length > 1 && (
          <Field label="Project" error={errors['projectId']}>
            {(control) => (
              <select {...control} value={draft.projectId} onChange={(event) => set({ projectId: event.target.value })}>
                <option value="">Default</option>
                {projects.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
      </div>
      <div className={styles.pair}>
        <Field label="What is installed" error={errors['template']}>
          {(control) => (
            <select
              {...control}
              value={draft.template}
              onChange={(event) => set({ template: event.target.value as Draft['template'] })}
            >
              <option value="both">Claude Code and VS Code</option>
              <option value="claude">Claude Code</option>
              <option value="vscode">VS Code</option>
            </select>
          )}
        </Field>
        <Field
          label="Mode"
          error={errors['mode']}
          hint={
            draft.mode === 'interactive'
              ? 'Claude Code asks before it does something.'
              : 'Claude Code works on instructions and asks nothing.'
          }
        >
          {(control) => (
            <select
              {...control}
              value={draft.mode}
              onChange={(event) => set({ mode: event.target.value as Draft['mode'] })}
            >
              <option value="interactive">Interactive</option>
              <option value="autonomous">Autonomous</option>
            </select>
          )}
        </Field>
      </div>
    </fieldset>
  );
}
