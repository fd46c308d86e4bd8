import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, Max, Min, ValidateNested } from 'class-validator';
import { ContainerDto } from '../../../containers/dto/container.dto.js';
import { MayBeAbsent } from '../../../http/validation/may-be-absent.js';
import { CreateInstructionDto } from './create-instruction.dto.js';

const MAX_COPIES = 16;

/** Copies of a container. */
export class ForkContainerDto {
  @ApiProperty({
    type: 'integer',
    required: false,
    default: 1,
    minimum: 1,
    maximum: MAX_COPIES,
    description: 'How many.',
  })
  @IsInt()
  @Min(1)
  @Max(MAX_COPIES)
  count: number = 1;

  @ApiProperty({
    type: CreateInstructionDto,
    required: false,
    description: 'What Claude Code is to do in each of them.',
  })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => CreateInstructionDto)
  instruction?: CreateInstructionDto;
}

export class ForkedContainersDto {
  @ApiProperty({ type: [ContainerDto] }) items: ContainerDto[];
}

export const FORK_EXAMPLES = {
  one: { summary: 'One copy', value: { count: 1 } },
  instructed: {
    summary: 'Three copies that try the same',
    value: { count: 3, instruction: { prompt: 'Make the tests pass.' } },
  },
};
