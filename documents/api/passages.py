"""The shape of a found passage, as the search and the chat's sources share it."""

from rest_framework import serializers


class PassageSerializer(serializers.Serializer):
    """What a passage is and where it stands (`documents.retrieval.types.Passage.as_source` makes it)."""

    marker = serializers.IntegerField(help_text="The n of [n], from 1.")
    document_id = serializers.IntegerField()
    document_name = serializers.CharField()
    chunk_id = serializers.IntegerField()
    chunk_content = serializers.CharField()
    section = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    page_to = serializers.IntegerField(allow_null=True)
    rows = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    lines = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    similarity_score = serializers.FloatField()
    supported = serializers.BooleanField(allow_null=True)
