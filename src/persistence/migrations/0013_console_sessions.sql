CREATE TABLE "session_links" (
	"hash" text PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"api_key_id" text,
	"admin_key" text,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "session_links_one_owner" CHECK (num_nonnulls("session_links"."user_id", "session_links"."api_key_id", "session_links"."admin_key") = 1)
);
--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "user_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "api_key_id" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "admin_key" text;--> statement-breakpoint
ALTER TABLE "session_links" ADD CONSTRAINT "session_links_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_links" ADD CONSTRAINT "session_links_api_key_id_api_keys_id_fk" FOREIGN KEY ("api_key_id") REFERENCES "public"."api_keys"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "session_links_expires" ON "session_links" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_api_key_id_api_keys_id_fk" FOREIGN KEY ("api_key_id") REFERENCES "public"."api_keys"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "sessions_api_key" ON "sessions" USING btree ("api_key_id");--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_one_owner" CHECK (num_nonnulls("sessions"."user_id", "sessions"."api_key_id", "sessions"."admin_key") = 1);