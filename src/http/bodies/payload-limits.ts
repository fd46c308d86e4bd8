import type { FieldError } from '../../common/errors/domain-error.js';
import type { JsonLimits } from '../../common/bytes/json-limits.js';

/** Bounds of what a client may send: far above what any request needs. */
export const PAYLOAD_LIMITS: JsonLimits = { maxDepth: 32, maxValues: 5_000 };

const MAX_FIELD_LENGTH = 100;

/** Why a payload is refused before its fields are looked at, or undefined. Does not recurse. */
export function payloadFault(payload: unknown): FieldError | undefined {
  const pending: { value: unknown; depth: number; field: string }[] = [{ value: payload, depth: 0, field: '' }];
  let values = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth, field } = next;
    values += 1;
    if (values > PAYLOAD_LIMITS.maxValues)
      return fault('', `must not have more than ${PAYLOAD_LIMITS.maxValues} values`);
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= PAYLOAD_LIMITS.maxDepth)
      return fault(field, `must not have more than ${PAYLOAD_LIMITS.maxDepth} levels`);
    for (const key of Object.keys(value)) {
      if (values + pending.length > PAYLOAD_LIMITS.maxValues) break;
      const inner = (value as Record<string, unknown>)[key];
      pending.push({ value: inner, depth: depth + 1, field: field === '' ? key : field });
    }
  }
  return undefined;
}

/** The field of a body with half of a surrogate pair in a key or a text, which can neither be stored nor sent on. */
export function malformedText(body: object): FieldError | undefined {
  const pending: { value: unknown; field: string }[] = Object.entries(body).map(([key, value]) => ({
    value: key.isWellFormed() ? value : key,
    field: key,
  }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, field } = next;
    if (typeof value === 'string' && !value.isWellFormed()) return fault(field, 'must be well-formed Unicode text');
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) pending.push({ value: key, field }, { value: inner, field });
  }
  return undefined;
}

function fault(field: string, message: string): FieldError {
  return { field: field.slice(0, MAX_FIELD_LENGTH).toWellFormed(), messages: [message] };
}
