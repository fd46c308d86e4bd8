import { Transform } from 'class-transformer';

/** Parses `true` and `false` of a query string. Leaves any other value unchanged, for the validation to refuse. */
export function QueryBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }): unknown =>
    value === 'true' ? true : value === 'false' ? false : value,
  );
}
