import { useInfo } from '../api/use-info.ts';
import { InputField } from '../ui/input-field.tsx';
import type { FieldsProps } from './new-container-page.tsx';
import { ScheduleFields } from './schedule-fields.tsx';
import styles from './new-container.module.css';

/** When the container is stopped, and how much it may spend. */
export function StopFields({ draft, set, errors }: FieldsProps) {
  const max = useInfo()?.limits.stopAfterMinutes;
  return (
    <fieldset className={styles.group}>
      <legend>Stops and budget</legend>
      <div className={styles.pair}>
        <InputField
          label="Stop after minutes without use"
          error={errors['idleStopMinutes']}
          hint="Empty for the server's default, 0 for never. It starts again when it is used."
          type="number"
          min={0}
          max={max}
          value={draft.idleStopMinutes}
          onChange={(idleStopMinutes) => set({ idleStopMinutes })}
        />
        <InputField
          label="Stop after minutes in all"
          error={errors['ttlMinutes']}
          hint="Empty for never."
          type="number"
          min={1}
          max={max}
          value={draft.ttlMinutes}
          onChange={(ttlMinutes) => set({ ttlMinutes })}
        />
        <InputField
          label="Stop after minutes of waiting for a person"
          error={errors['waitingStopMinutes']}
          hint="Empty for never."
          type="number"
          min={1}
          max={max}
          value={draft.waitingStopMinutes}
          onChange={(waitingStopMinutes) => set({ waitingStopMinutes })}
        />
        <InputField
          label="Budget, US dollars"
          error={errors['budgetUsd']}
          hint="For models, in all. Empty for none."
          type="number"
          min={0}
          step="any"
          value={draft.budgetUsd}
          onChange={(budgetUsd) => set({ budgetUsd })}
        />
      </div>
      <div className={styles.pair}>
        <ScheduleFields schedule={draft.schedule} errors={errors} set={(schedule) => set({ schedule })} />
      </div>
    </fieldset>
  );
}
