import { Transform } from 'class-transformer';

/** Reads `true` and `false` of a query string; anything else is left for validation to refuse. */
export function QueryBoolean(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }): unknown =>
    value === 'true' ? true : value === 'false' ? false : value,
  );
}
