import { type ReactNode, useId } from 'react';
import styles from './field.module.css';

interface ChoicesProps<Value extends string> {
  label: string;
  error?: string | undefined;
  options: readonly (readonly [value: Value, label: ReactNode])[];
  chosen: readonly Value[];
  onChange: (chosen: Value[]) => void;
}

/** Several of a few, as boxes to tick. */
export function Choices<Value extends string>({ label, error, options, chosen, onChange }: ChoicesProps<Value>) {
  const id = useId();
  return (
    <div
      className={styles.field}
      role="group"
      aria-labelledby={id}
      aria-describedby={error === undefined ? undefined : `${id}-error`}
    >
      <span className={styles.label} id={id}>
        {label}
      </span>
      <div className={styles.choices}>
        {options.map(([value, name]) => (
          <label key={value} className={styles.choice}>
            <input
              type="checkbox"
              aria-invalid={error !== undefined}
              checked={chosen.includes(value)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, value] : chosen.filter((one) => one !== value))
              }
            />
            {name}
          </label>
        ))}
      </div>
      {error !== undefined && (
        <span className={styles.error} id={`${id}-error`}>
          {error}
        </span>
      )}
    </div>
  );
}
