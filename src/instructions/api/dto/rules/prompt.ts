import { buildMessage, ValidateBy } from 'class-validator';

export const LARGEST_PROMPT_BYTES = 200_000;

/** What is wrong with the prompt, or undefined. */
export function promptFault(prompt: unknown): string | undefined {
  if (typeof prompt !== 'string' || prompt.trim() === '') return 'must be a text that is not empty';
  if (Buffer.byteLength(prompt) > LARGEST_PROMPT_BYTES) return `must have at most ${LARGEST_PROMPT_BYTES} bytes`;
  // Neither can be stored.
  if (prompt.includes('\0') || !prompt.isWellFormed()) return 'must not contain NUL or half a surrogate pair';
  return undefined;
}

export function IsPrompt(): PropertyDecorator {
  return ValidateBy({
    name: 'isPrompt',
    validator: {
      validate: (value): boolean => promptFault(value) === undefined,
      defaultMessage: buildMessage((each, args) => `${each}$property ${promptFault(args?.value)}`),
    },
  });
}
