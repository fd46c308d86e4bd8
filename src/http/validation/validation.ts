import { type ArgumentMetadata, ValidationPipe, type ValidationError } from '@nestjs/common';
import { DomainError, type FieldError } from '../../common/errors/domain-error.js';
import { UNREAD_BODY } from '../bodies/unread-body.js';

/** Keys that class-transformer drops silently, or that class-validator considers known because every object has them. */
const PROTOTYPE_KEYS = new Set(['prototype', ...Object.getOwnPropertyNames(Object.prototype)]);

const MAX_FAULTS = 50;
const MAX_TEXT_LENGTH = 300;

/** Validates every inbound DTO: refuses unknown properties, and reports all errors together, each with its field. */
export class StrictValidationPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: false,
      exceptionFactory: (errors) => validationFailed(flattenValidationErrors(errors)),
    });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // Payloads of sockets arrive untyped; the gateways validate them.
    if (metadata.type === 'body' && metadata.metatype !== Object) {
      if (value === UNREAD_BODY)
        throw new DomainError(
          'unsupported_media_type',
          'The body must be JSON, and sent with "Content-Type: application/json".',
        );
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new DomainError('validation_failed', 'The body must be a JSON object.', {
          fields: [{ field: '', messages: ['must be a JSON object'] }],
        });
      }
      const forbidden = prototypeKeys(value, '');
      if (forbidden.length > 0)
        throw validationFailed(forbidden.map((field) => ({ field, messages: [`property ${field} should not exist`] })));
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** Reports the first faults of many, since a client may send thousands of fields that do not exist. */
export function validationFailed(all: FieldError[]): DomainError {
  const fields = all
    .slice(0, MAX_FAULTS)
    .map(({ field, messages }) => ({ field: cut(field), messages: messages.map(cut) }));
  const more = all.length > fields.length ? `; and ${all.length - fields.length} more` : '';
  return new DomainError(
    'validation_failed',
    fields.map(({ field, messages }) => `${field}: ${messages.join(', ')}`).join('; ') + more,
    { fields },
  );
}

/** A fault of the payload as a whole has no field. */
function cut(text: string | undefined = ''): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH).toWellFormed()}…` : text;
}

/** One entry for each invalid property, nested ones by their path. */
export function flattenValidationErrors(errors: ValidationError[]): FieldError[] {
  return errors.flatMap((error) => flatten(error, ''));
}

function flatten(error: ValidationError, parent: string): FieldError[] {
  const field = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = error.constraints === undefined ? [] : [{ field, messages: Object.values(error.constraints) }];
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, field))];
}

/** Paths of all keys through which a payload could change an object's prototype. */
export function prototypeKeys(value: unknown, parent: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.getOwnPropertyNames(value).flatMap((key) => {
    const field = parent === '' ? key : `${parent}.${key}`;
    return PROTOTYPE_KEYS.has(key) ? [field] : prototypeKeys((value as Record<string, unknown>)[key], field);
  });
}
