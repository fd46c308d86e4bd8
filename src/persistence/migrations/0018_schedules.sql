ALTER TABLE "containers" ADD COLUMN "waiting_stop_minutes" integer;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "schedule" jsonb;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "schedule_next_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "containers_schedule" ON "containers" USING btree ("schedule_next_at") WHERE deleted_at is null and schedule is not null;