"""Files uploaded into a chat go with it, through whatever door: also when its user or its model is deleted.

`Document.session_id` is no foreign key (documents know nothing of chats), so PostgreSQL is told here.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION chat_session_takes_its_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM documents_document WHERE session_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER chat_session_takes_its_files AFTER DELETE ON chat_chatsession
    FOR EACH ROW EXECUTE FUNCTION chat_session_takes_its_files();
"""
DROP = """
DROP TRIGGER chat_session_takes_its_files ON chat_chatsession;
DROP FUNCTION chat_session_takes_its_files();
"""


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_cascades"), ("documents", "0002_cascades")]
    operations = [migrations.RunSQL(CREATE, DROP)]
