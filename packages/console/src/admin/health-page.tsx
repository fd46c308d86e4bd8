import { useQuery } from '@tanstack/react-query';
import { apiFetch } from '../api/client.ts';
import { useInfo } from '../api/use-info.ts';
import { classes } from '../ui/classes.ts';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Section } from '../ui/section.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';

interface Health {
  status: string;
  details: Record<string, { status: string } & Record<string, unknown>>;
}

/** What is unhealthy is said with 503, in the same form. */
async function readHealth(): Promise<Health> {
  const response = await apiFetch(new Request(new URL('/health', location.origin)));
  return (await response.json()) as Health;
}

const NAMES: Record<string, string> = { docker: 'Engine', modelApi: "The model's API" };

export function HealthPage() {
  const { data, error, refetch } = useQuery({ queryKey: ['health'], queryFn: readHealth, refetchInterval: 5_000 });
  const info = useInfo();
  useTitle('Health');
  if (data === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <h1>Health</h1>
      <Section title="Parts">
        <ul className={styles.health}>
          {Object.entries(data.details).map(([name, { status, ...details }]) => (
            <li key={name}>
              <span className={classes(styles.state, status !== 'up' && styles.down)} aria-hidden />
              <strong>{NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1)}</strong>
              <span>{status}</span>
              <span className="note">{describe(details)}</span>
            </li>
          ))}
        </ul>
      </Section>
      {info !== undefined && (
        <Section title="Server">
          <dl className={styles.facts}>
            <dt>DevForge</dt>
            <dd>{info.version}</dd>
            <dt>Engine</dt>
            <dd>{[info.engine.name ?? info.engine.kind, info.engine.version].filter(Boolean).join(' ')}</dd>
            <dt>It can</dt>
            <dd>
              {Object.entries(info.capabilities)
                .filter(([, can]) => can)
                .map(([name]) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))
                .join(', ')}
            </dd>
          </dl>
        </Section>
      )}
    </>
  );
}

function describe(details: Record<string, unknown>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}
