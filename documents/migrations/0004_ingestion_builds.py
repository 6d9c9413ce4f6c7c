"""Versions, rebuilds, tables' profiles, progress over time and resumable uploads."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collections_app', '0001_initial'),
        ('documents', '0003_embedding_cache_use'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='document',
            name='building_model',
            field=models.CharField(blank=True, help_text='Of the build in work.', max_length=200),
        ),
        migrations.AddField(
            model_name='document',
            name='embedding_model',
            field=models.CharField(blank=True, help_text='Of the vectors that readers search (active_generation).', max_length=200),
        ),
        migrations.AddField(
            model_name='document',
            name='last_part_at',
            field=models.DateTimeField(help_text="When the build's last part ended.", null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='next_source',
            field=models.JSONField(help_text="Newer bytes that the build in work reads: {name, media_type, size, sha256, stored_name, uploaded_by}. They take the place of the document's own when it is done.", null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='part_seconds',
            field=models.FloatField(help_text='Between the ends of its parts, moving average.', null=True),
        ),
        migrations.AddField(
            model_name='document',
            name='standby_generation',
            field=models.PositiveIntegerField(help_text="Built for the collection's rebuild; active when that is done.", null=True),
        ),
        migrations.AddField(
            model_name='documentpart',
            name='gathers',
            field=models.BooleanField(default=False, help_text='Begun when all the others are done.'),
        ),
        migrations.AddField(
            model_name='documentpart',
            name='profile',
            field=models.JSONField(help_text="What a table's columns hold in this part's rows.", null=True),
        ),
        migrations.CreateModel(
            name='Rebuild',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('embedding_model', models.CharField(max_length=200)),
                ('started_at', models.DateTimeField(auto_now_add=True)),
                ('collection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='rebuild', to='collections_app.collection')),
                ('started_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('session_id', models.UUIDField(blank=True, null=True)),
                ('name', models.CharField(max_length=255)),
                ('size', models.BigIntegerField(help_text='Bytes in all, as announced.')),
                ('received', models.BigIntegerField(default=0, help_text='Bytes that are safely on disk.')),
                ('same_name', models.CharField(choices=[('keep', 'Keep both'), ('replace', 'Replace: the older version serves until the new one is complete'), ('refuse', 'Refuse, and name the document that is there')], default='keep', max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('touched_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('collection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='collections_app.collection')),
                ('replaces', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='documents.document')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('created_at',),
            },
        ),
        migrations.RunSQL(
            "UPDATE documents_document d SET embedding_model = c.embedding_model"
            "  FROM collections_app_collection c WHERE c.id = d.collection_id",
            migrations.RunSQL.noop,
        ),
    ]
