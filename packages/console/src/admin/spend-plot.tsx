import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../api/client.ts';
import { Failure } from '../ui/failure.tsx';
import { formatUsd } from '../ui/format.ts';
import { Loading } from '../ui/loading.tsx';
import { Section } from '../ui/section.tsx';
import styles from './admin.module.css';
import { daysBefore, daysBetween } from './spend-days.ts';

const SPANS = [7, 30, 90] as const;

/** What the containers of a project have spent on models, by day. */
export function SpendPlot({ projectId }: { projectId: string }) {
  const [span, setSpan] = useState<(typeof SPANS)[number]>(30);
  const now = new Date();
  const [since, until] = [daysBefore(now, span - 1), daysBefore(now, 0)];
  const { data, error } = useQuery({
    queryKey: ['project', projectId, 'spend', since, until],
    queryFn: () => {
      const params = { path: { id: projectId }, query: { by: 'day', since, until } as const };
      return must(api.GET('/api/projects/{id}/spend', { params }));
    },
  });
  if (data === undefined) return error === null ? <Loading /> : <Failure error={error} />;
  const days = daysBetween(since, until, data.items);
  const top = Math.max(...days.map(({ usd }) => usd));
  return (
    <Section
      title="Spend by day"
      head={
        <>
          <span className="note">{`${formatUsd(data.usd)} in ${span} days, at most ${formatUsd(top)} a day`}</span>
          <select
            className={styles.select}
            aria-label="Days"
            value={span}
            onChange={(event) => setSpan(Number(event.target.value) as typeof span)}
          >
            {SPANS.map((count) => (
              <option key={count} value={count}>
                {count} days
              </option>
            ))}
          </select>
        </>
      }
    >
      <ol className={styles.bars} aria-label="Days">
        {days.map(({ day, usd }) => (
          <li key={day} title={`${day}: ${formatUsd(usd)}`}>
            <span className="visually-hidden">{`${day}: ${formatUsd(usd)}`}</span>
            <span className={styles.bar} style={{ height: `${top === 0 ? 0 : (usd / top) * 100}%` }} />
          </li>
        ))}
      </ol>
      <div className={styles.row}>
        <span className="note">{since}</span>
        <span className={styles.space} />
        <span className="note">{until}</span>
      </div>
    </Section>
  );
}
