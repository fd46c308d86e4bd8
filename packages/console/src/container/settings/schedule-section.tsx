import { useState } from 'react';
import { NO_SCHEDULE, scheduleOf } from '../../new-container/schedule.ts';
import { ScheduleFields } from '../../new-container/schedule-fields.tsx';
import { formatDate } from '../../ui/format.ts';
import { EditableSection, FieldGrid } from '../../ui/section.tsx';
import { useThisContainer } from '../container-context.ts';
import { useChange } from './use-change.ts';

export function ScheduleSection({ mayChange }: { mayChange: boolean }) {
  const container = useThisContainer();
  const change = useChange(container);
  const { schedule } = container;
  const current =
    schedule === null
      ? NO_SCHEDULE
      : { start: schedule.start ?? '', stop: schedule.stop ?? '', timeZone: schedule.timeZone };
  const [typed, setTyped] = useState<typeof current | null>(null);
  const draft = typed ?? current;
  const save = (): void =>
    change.mutate(
      { kind: 'container', body: { schedule: scheduleOf(draft) } as never },
      { onSuccess: () => setTyped(null) },
    );
  const next = [
    schedule?.nextStart && `Starts next: ${formatDate(schedule.nextStart)}.`,
    schedule?.nextStop && `Stops next: ${formatDate(schedule.nextStop)}.`,
  ].filter(Boolean);
  return (
    <EditableSection
      title="Schedule"
      mayChange={mayChange}
      isChanged={JSON.stringify(scheduleOf(draft)) !== JSON.stringify(scheduleOf(current))}
      isPending={change.isPending}
      onSave={save}
    >
      <FieldGrid>
        <ScheduleFields schedule={draft} errors={change.errors} set={setTyped} />
      </FieldGrid>
      {next.length > 0 && <p className="note">{next.join(' ')}</p>}
    </EditableSection>
  );
}
