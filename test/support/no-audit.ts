import type { AuditLog } from '../../src/auth/audit/audit-log.js';

const nothing = async (): Promise<void> => undefined;

/** An audit for units that are tested without a database. */
export const noAudit = {
  record: nothing,
  recordFile: nothing,
  recordTerminal: nothing,
  recordSite: nothing,
} as unknown as AuditLog;
