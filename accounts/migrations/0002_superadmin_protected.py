"""Nobody demotes, deactivates or deletes a superadmin, whatever door the statement comes through.

The services refuse with a sentence; this is the last line behind them (admin, shell, raw SQL, a bug).
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION accounts_protect_superadmin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role = 'superadmin' AND (
        TG_OP = 'DELETE' OR NEW.role <> 'superadmin' OR NOT NEW.is_active
    ) THEN
        RAISE EXCEPTION 'a superadmin cannot be demoted, deactivated or deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER accounts_protect_superadmin BEFORE UPDATE OR DELETE ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION accounts_protect_superadmin();
"""
DROP = """
DROP TRIGGER accounts_protect_superadmin ON accounts_user;
DROP FUNCTION accounts_protect_superadmin();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
