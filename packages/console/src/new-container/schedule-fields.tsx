import { InputField } from '../ui/input-field.tsx';
import type { ScheduleDraft } from './schedule.ts';

interface ScheduleFieldsProps {
  schedule: ScheduleDraft;
  errors: Record<string, string>;
  set: (schedule: ScheduleDraft) => void;
}

/** When a container is started and stopped by itself. */
export function ScheduleFields({ schedule, errors, set }: ScheduleFieldsProps) {
  const error = errors['schedule'];
  // There is one message for all of them, which names the field.
  const wrong = /has a (start|stop|timeZone)/.exec(error ?? '')?.[1] ?? 'start';
  const errorAt = (name: keyof ScheduleDraft): string | undefined => (name === wrong ? error : undefined);
  return (
    <>
      <InputField
        label="Start at"
        error={errorAt('start')}
        hint="Minute, hour, day, month, weekday: 0 8 * * mon-fri"
        placeholder="never"
        value={schedule.start}
        onChange={(start) => set({ ...schedule, start })}
      />
      <InputField
        label="Stop at"
        error={errorAt('stop')}
        hint="In the same way: 0 19 * * *"
        placeholder="never"
        value={schedule.stop}
        onChange={(stop) => set({ ...schedule, stop })}
      />
      <InputField
        label="Time zone"
        error={errorAt('timeZone')}
        hint="Of these times: Europe/Berlin"
        placeholder="UTC"
        value={schedule.timeZone}
        onChange={(timeZone) => set({ ...schedule, timeZone })}
      />
    </>
  );
}
