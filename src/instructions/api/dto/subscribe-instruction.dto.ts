import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';

export class UnsubscribeInstructionDto {
  @IsString()
  @MaxLength(64)
  instructionId: string;
}

export class SubscribeInstructionDto extends UnsubscribeInstructionDto {
  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  after = 0;
}
