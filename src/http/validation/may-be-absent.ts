import { ValidateIf } from 'class-validator';

/** An optional property that is not null when it is there. class-validator's `IsOptional` lets null pass unchecked. */
export function MayBeAbsent(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}
