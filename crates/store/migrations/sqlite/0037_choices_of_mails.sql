-- What a customer says about mails is about reminders, or about payments that came.
ALTER TABLE reminder_choices ADD COLUMN about TEXT NOT NULL DEFAULT 'reminders';
