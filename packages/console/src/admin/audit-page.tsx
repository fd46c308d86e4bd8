import type { components } from '@devforge/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../api/client.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Field } from '../ui/field.tsx';
import { formatDate } from '../ui/format.ts';
import { TableScroll } from '../ui/table-scroll.tsx';
import { DownloadIcon } from '../ui/icons.tsx';
import { Loading } from '../ui/loading.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';
import { type AuditFilters, queryOf, readFilters } from './audit-filters.ts';

type Page = components['schemas']['AuditEventPageDto'];

const route = getRouteApi('/signed-in/admin/audit');
const PAGE_SIZE = 100;
const FIELDS = [
  ['actor', 'Who', 'text'],
  ['action', 'Action', 'text'],
  ['target', 'On what', 'text'],
  ['since', 'From', 'date'],
  ['until', 'To', 'date'],
] as const;

async function readPage(query: Record<string, string>, cursor: string): Promise<Page> {
  const page = { ...query, limit: PAGE_SIZE, ...(cursor !== '' && { cursor }) };
  // Without format=ndjson it is a page.
  return (await must(api.GET('/api/audit', { params: { query: page } }))) as Page;
}

/** Who did what. */
export function AuditPage() {
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const query = queryOf(filters);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ['audit', query],
    queryFn: ({ pageParam }) => readPage(query, pageParam),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor,
    retry: false,
  });
  useTitle('Audit');
  const change = (next: AuditFilters): void => void navigate({ search: next, replace: true });
  const events = data?.pages.flatMap(({ items }) => items);
  return (
    <>
      <div className={styles.row}>
        <h1>Audit</h1>
        <span className={styles.space} />
        <a
          className={buttonClass()}
          href={`/api/audit?${new URLSearchParams({ ...query, format: 'ndjson' }).toString()}`}
          download="audit.ndjson"
        >
          <DownloadIcon size={14} />
          Download
        </a>
      </div>
      <Filters key={JSON.stringify(filters)} filters={filters} onChange={change} />
      {events === undefined &&
        (error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />)}
      {events?.length === 0 && <Empty title="No event matches" />}
      {events !== undefined && events.length > 0 && (
        <TableScroll label="Events">
          <thead>
            <tr>
              <th>When</th>
              <th>Who</th>
              <th>Action</th>
              <th>On what</th>
              <th>Outcome</th>
              <th>From</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </tbody>
        </TableScroll>
      )}
      {hasNextPage && (
        <div>
          <Button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
            Show earlier events
          </Button>
        </div>
      )}
    </>
  );
}

function EventRow({ event }: { event: components['schemas']['AuditEventDto'] }) {
  const { at, actor, action, target, outcome, code, address } = event;
  return (
    <tr>
      <td>{formatDate(at)}</td>
      <td>{actor?.name ?? 'nobody'}</td>
      <td>
        <code>{action}</code>
      </td>
      <td>{[target.kind, target.name ?? target.id].filter(Boolean).join(' ')}</td>
      <td className={outcome === 'refused' ? styles.refused : undefined}>
        {code === null ? outcome : `${outcome}: ${code}`}
      </td>
      <td>{address}</td>
    </tr>
  );
}

function Filters({ filters, onChange }: { filters: AuditFilters; onChange: (filters: AuditFilters) => void }) {
  const [typed, setTyped] = useState(filters);
  const apply = (next: AuditFilters = typed): void => onChange(readFilters({ ...next }));
  return (
    <form
      className={styles.inline}
      role="search"
      aria-label="Filters"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      {FIELDS.map(([name, label, type]) => (
        <Field key={name} label={label}>
          {(control) => (
            <input
              {...control}
              type={type}
              value={typed[name] ?? ''}
              onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <Field label="Outcome">
        {(control) => (
          <select
            {...control}
            value={typed.outcome ?? ''}
            onChange={({ target }) => apply({ ...typed, outcome: target.value as 'allowed' })}
          >
            <option value="">Any</option>
            <option>allowed</option>
            <option>refused</option>
          </select>
        )}
      </Field>
      <Button type="submit">Filter</Button>
      {Object.keys(filters).length > 0 && (
        <Button look="quiet" onClick={() => onChange({})}>
          Clear
        </Button>
      )}
    </form>
  );
}
