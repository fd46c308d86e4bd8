import { IsId } from '../http/validation/is-id.js';

/** Containers go by their names as well, so one may be tried here. */
export function IsProjectId(): PropertyDecorator {
  return IsId({
    message: '$property must be the id of a project, not its name: GET /api/projects has both',
  });
}
