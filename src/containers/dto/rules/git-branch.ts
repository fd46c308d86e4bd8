import { buildMessage, ValidateBy } from 'class-validator';

const LONGEST = 255;
/** The first class is all of ASCII that does not print, and the space. */
const FORBIDDEN = /[^!-~\u0080-\uffff]|[~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)/;

/** Whether `git check-ref-format --branch` takes the name. */
export function isBranchName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= LONGEST &&
    name !== '@' &&
    name !== 'HEAD' &&
    !FORBIDDEN.test(name) &&
    !/^[-./]/.test(name) &&
    !/[./]$/.test(name)
  );
}

export function IsGitBranch(): PropertyDecorator {
  return ValidateBy({
    name: 'isGitBranch',
    validator: {
      validate: (value): boolean => typeof value === 'string' && isBranchName(value),
      defaultMessage: buildMessage((each) => `${each}$property must be a branch name that git accepts`),
    },
  });
}
