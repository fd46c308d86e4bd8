import type { IncomingHttpHeaders } from 'node:http';
import { validationFailed } from '../http/validation/validation.js';

/** Entity tags as they are compared, or `*` for any version. */
type EntityTags = '*' | string[];

/** The preconditions of a request (RFC 9110, section 13) in the form that the file helper takes. */
export interface Conditions {
  match?: EntityTags;
  noneMatch?: EntityTags;
  /** Seconds since 1970. */
  unmodifiedSince?: number;
}

const TAG = /^\s*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/;

/**
 * The conditions of a request that changes a file. One that cannot be understood is refused, since ignoring it could
 * overwrite what the client wants to keep.
 * @returns undefined when there are none @throws DomainError `validation_failed`
 */
export function conditionsOf(headers: IncomingHttpHeaders): Conditions | undefined {
  const match = tagsOf(headers, 'if-match')?.filter(({ isWeak }) => !isWeak);
  const noneMatch = tagsOf(headers, 'if-none-match');
  // If-Match takes precedence over the date, which is less exact.
  const unmodifiedSince = match === undefined ? secondsOf(headers['if-unmodified-since']) : undefined;
  const conditions: Conditions = {
    ...(match === undefined ? {} : { match: toEntityTags(match) }),
    ...(noneMatch === undefined ? {} : { noneMatch: toEntityTags(noneMatch) }),
    ...(unmodifiedSince === undefined ? {} : { unmodifiedSince }),
  };
  return Object.keys(conditions).length === 0 ? undefined : conditions;
}

/** The conditions of a request that reads: If-None-Match is answered with 304 instead. */
export function readConditionsOf(headers: IncomingHttpHeaders): Conditions | undefined {
  return conditionsOf({ ...headers, 'if-none-match': undefined });
}

interface ParsedTag {
  tag: string;
  isWeak: boolean;
}

function tagsOf(headers: IncomingHttpHeaders, name: 'if-match' | 'if-none-match'): ParsedTag[] | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  if (value.trim() === '*') return [{ tag: '*', isWeak: false }];
  const tags: ParsedTag[] = [];
  let rest = value;
  while (rest.trim() !== '') {
    const found = TAG.exec(rest);
    if (found === null) throw notUnderstood(name, 'must be * or a list of entity tags in double quotes');
    tags.push({ tag: found[2]!, isWeak: found[1] !== undefined });
    rest = rest.slice(found[0].length);
  }
  if (tags.length === 0) throw notUnderstood(name, 'must be * or a list of entity tags in double quotes');
  return tags;
}

function toEntityTags(tags: ParsedTag[]): EntityTags {
  return tags[0]?.tag === '*' ? '*' : tags.map(({ tag }) => tag);
}

function secondsOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw notUnderstood('if-unmodified-since', 'must be a date as of HTTP');
  return Math.floor(ms / 1_000);
}

function notUnderstood(field: string, message: string): Error {
  return validationFailed([{ field, messages: [message] }]);
}
