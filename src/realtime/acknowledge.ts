import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { DomainError } from '../common/errors/domain-error.js';
import { currentContext } from '../common/request-context.js';
import type { ErrorTranslator } from '../common/errors/error-translators.js';
import { toDomainError } from '../http/problem.js';
import { payloadFault } from '../http/bodies/payload-limits.js';
import { flattenValidationErrors, prototypeKeys, validationFailed } from '../http/validation/validation.js';
import type { Acknowledgement } from '@devforge/contract';

/**
 * Validates the payload of a client event, does the work and returns the acknowledgement: what `work` resolves with, or
 * the error with its code. Never rejects.
 */
export async function acknowledge<Dto extends object, Details extends object>(
  payload: unknown,
  Payload: new () => Dto,
  translators: readonly ErrorTranslator[],
  work: (dto: Dto) => Promise<Details | void> | Details | void,
): Promise<Acknowledgement<Details>> {
  try {
    const details = await work(await parse(payload, Payload));
    return { ok: true, ...details } as Acknowledgement<Details>;
  } catch (error) {
    const { code, message } = toDomainError(error, translators);
    currentContext()?.onError?.(code);
    return { ok: false, error: { code, message } };
  }
}

async function parse<Dto extends object>(payload: unknown, Payload: new () => Dto): Promise<Dto> {
  const given = payload ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw new DomainError('validation_failed', 'The payload must be an object.');
  const fault = payloadFault(given);
  if (fault !== undefined) throw validationFailed([fault]);
  const unsafe = prototypeKeys(given, '');
  if (unsafe.length > 0)
    throw validationFailed(unsafe.map((field) => ({ field, messages: [`property ${field} should not exist`] })));
  const dto = plainToInstance(Payload, given);
  const errors = await validate(dto, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (errors.length > 0) throw validationFailed(flattenValidationErrors(errors));
  return dto;
}
