/** What of the audit is shown. It is part of the address. */
export interface AuditFilters {
  actor?: string;
  action?: string;
  target?: string;
  outcome?: 'allowed' | 'refused';
  projectId?: string;
  /** Days of the browser's time zone. */
  since?: string;
  until?: string;
}

const TEXTS = ['actor', 'action', 'target', 'projectId', 'since', 'until'] as const;

/** Takes from the search of an address what it understands. */
export function readFilters(search: Record<string, unknown>): AuditFilters {
  const filters: AuditFilters = {};
  for (const name of TEXTS) {
    const value = search[name];
    if (typeof value === 'string' && value.trim() !== '') filters[name] = value;
  }
  if (search['outcome'] === 'allowed' || search['outcome'] === 'refused') filters.outcome = search['outcome'];
  return filters;
}

/** The query of the API: days become moments, the last day is included. */
export function queryOf({ since, until, ...rest }: AuditFilters): Record<string, string> {
  const moment = (day: string, days: number): string => {
    const date = new Date(`${day}T00:00:00`);
    date.setDate(date.getDate() + days);
    return date.toISOString();
  };
  return {
    ...rest,
    ...(isDay(since) && { since: moment(since, 0) }),
    ...(isDay(until) && { until: moment(until, 1) }),
  };
}

function isDay(text: string | undefined): text is string {
  return text !== undefined && !Number.isNaN(Date.parse(`${text}T00:00:00`));
}
